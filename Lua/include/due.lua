-- Move jobs whose time has come from `scheduled` to the end of their band in `ready`, in the order of their due times.
-- Returns how many were moved. At most `limit`, which the caller has bounded.
local function promote_due(prefix, now_us, now_ms, limit)
    local scheduled, ready = prefix .. 'scheduled', prefix .. 'ready'
    local ids = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now_ms, 'LIMIT', '0', limit)
    if #ids == 0 then
        return 0
    end
    local records = redis.call('HMGET', prefix .. 'jobs', unpack(ids))
    local first, priority = 1, record_priority(records[1])
    for i = 2, #ids do
        local next_priority = record_priority(records[i])
        if next_priority ~= priority then
            append_ready(ready, priority, now_us, ids, first, i - 1)
            first, priority = i, next_priority
        end
    end
    append_ready(ready, priority, now_us, ids, first, #ids)
    redis.call('ZREM', scheduled, unpack(ids))
    return #ids
end
