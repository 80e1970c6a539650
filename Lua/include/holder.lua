-- The consumer ID of a lease. It may contain colons.
local function lease_holder(lease)
    return string.match(lease, '^%d*:(.*)$') or lease
end
