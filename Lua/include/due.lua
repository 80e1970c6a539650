-- Records are read a hundred at a time, and not many MiB of them in one call: nobody may wait long for it.
local READ_AT_ONCE, READ_BYTES = 100, 8388608

-- Move jobs whose time has come from `scheduled` to `ready`, where they become ready now, in the order of their due
-- times. Returns how many were moved, and which. At most `limit`, which the caller has bounded.
local function promote_due(prefix, order, limit)
    local scheduled = prefix .. 'scheduled'
    local ids = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now_ms, 'LIMIT', '0', limit)
    if #ids == 0 then
        return 0, ids
    end
    local due, heads, n, bytes = {}, {}, 0, 0
    while n < #ids and bytes < READ_BYTES do
        local last = math.min(n + READ_AT_ONCE, #ids)
        local records = redis.call('HMGET', prefix .. 'jobs', unpack(ids, n + 1, last))
        for i = n + 1, last do
            local record = records[i - n]
            due[i], heads[i] = ids[i], record and string.match(record, '^[jJ][^\n]*') or false
            bytes = bytes + #(record or '')
        end
        n = last
    end
    append_ready(order, prefix, due, heads)
    redis.call('ZREM', scheduled, unpack(ids, 1, n))
    for i = #ids, n + 1, -1 do
        ids[i] = nil
    end
    return n, ids
end
