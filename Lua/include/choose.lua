-- Choose the first ready jobs of the types that the claimer knows, and leave the others where they are. Looks at some
-- more jobs than are asked for, from a rank on, so that jobs which nobody knows cost a bounded time; the claimer goes
-- on from there with its next claim.
local EXTRA, READ_AT_ONCE, READ_BYTES = 200, 100, 8388608

-- Returns the ids, their records, whether there are jobs that were not looked at, how many were left.
local function choose_known(prefix, limit, from)
    local call, format, ready = redis.call, string.format, prefix .. 'ready'
    local is_known = {}
    for i = 5, #ARGV do
        is_known[ARGV[i]] = true
    end
    local window = math.min(limit + EXTRA, MAX_JOBS)
    local ids, records, n, looked, bytes = {}, {}, 0, 0, 0
    while n < limit and looked < window and bytes < READ_BYTES do
        local first = from + looked
        local at_once = math.min(READ_AT_ONCE, window - looked)
        local some = call('ZRANGE', ready, format('%d', first), format('%d', first + at_once - 1))
        if #some == 0 then
            break
        end
        local found = call('HMGET', prefix .. 'jobs', unpack(some))
        for k = 1, #some do
            local record = found[k]
            local type = record and string.match(record, '^[jJ]([^;\n]+)')
            looked = looked + 1
            bytes = bytes + (record and #record or 0)
            -- What has no record, or none that can be read, is for whoever finds it.
            if not type or is_known[type] then
                n = n + 1
                ids[n], records[n] = some[k], record
                if n == limit then
                    break
                end
            end
        end
    end
    return ids, records, call('ZCARD', ready) > from + looked, looked - n
end
