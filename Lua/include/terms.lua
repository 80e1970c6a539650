-- Times that a record tells as "+ms" from its enqueue become times of the server's clock: `b` start by, `d` deadline,
-- `n` retry until.
local function settle_terms(record)
    local head = string.match(record, '^J[^\n]*')
    if not head then
        return record
    end
    local settled = string.gsub(head, ';([bdn])=%+(%d+)', function(name, ms)
        return string.format(';%s=%d', name, now_ms + math.min(tonumber(ms), MAX_MS))
    end)
    return settled .. string.sub(record, #head + 1)
end
