-- When a lease ends, in us. Each deadline belongs to one lease, so that `leases` needs one field for all jobs of a
-- claim, and `leased` tells which jobs they are. Where the lease of another claim ends at that moment already, this one
-- ends a microsecond earlier. Returns the deadline as a string.
-- Many leases of one call, which would all end at the same moment, are drawn one below the other without looking again.
-- What other calls have drawn is passed one by one: their clock was another, so it is rarely anything.
local MAX_LEASE_MS = 4398046511104
local last_us

local function draw_deadline(leases, deadline_us, lease)
    local at_us = last_us and last_us[deadline_us] or deadline_us
    local deadline = string.format('%d', at_us)
    while redis.call('HSETNX', leases, deadline, lease) == 0 and redis.call('HGET', leases, deadline) ~= lease do
        at_us = at_us - 1
        deadline = string.format('%d', at_us)
    end
    if at_us < deadline_us then
        last_us = last_us or {}
        last_us[deadline_us] = at_us
    end
    return deadline
end
