-- Records are read a hundred at a time, and not many MiB of them in one call: nobody may wait long for it.
local READ_AT_ONCE, READ_BYTES = 100, 8388608

-- Move jobs whose time has come from `scheduled` to the end of their band in `ready`, in the order of their due times.
-- Returns how many were moved, and which. At most `limit`, which the caller has bounded.
local function promote_due(prefix, now_us, now_ms, limit)
    local scheduled, ready = prefix .. 'scheduled', prefix .. 'ready'
    local ids = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now_ms, 'LIMIT', '0', limit)
    if #ids == 0 then
        return 0, ids
    end
    local bands, priorities, n, bytes = {}, {}, 0, 0
    while n < #ids and bytes < READ_BYTES do
        local last = math.min(n + READ_AT_ONCE, #ids)
        local records = redis.call('HMGET', prefix .. 'jobs', unpack(ids, n + 1, last))
        for i = n + 1, last do
            local record = records[i - n]
            local priority = record_priority(record)
            local band = bands[priority]
            if not band then
                band = {}
                bands[priority], priorities[#priorities + 1] = band, priority
            end
            band[#band + 1] = ids[i]
            bytes = bytes + #(record or '')
        end
        n = last
    end
    for i = 1, #priorities do
        local band = bands[priorities[i]]
        append_ready(ready, priorities[i], now_us, band, 1, #band)
    end
    redis.call('ZREM', scheduled, unpack(ids, 1, n))
    for i = #ids, n + 1, -1 do
        ids[i] = nil
    end
    return n, ids
end
