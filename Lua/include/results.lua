-- Results of done jobs: `results` has them by id, `results_until` says until when each is kept, in ms. `results_bytes`
-- in `meta` is the size of all. One that is in `results` is in `results_until`, too, which is therefore written first.
local function keep_results(prefix, ids, results, expiries)
    local hash, bytes, entries = prefix .. 'results', 0, {}
    for i = 1, #ids do
        entries[2 * i - 1], entries[2 * i] = expiries[i], ids[i]
    end
    redis.call('ZADD', prefix .. 'results_until', unpack(entries))
    for i = 1, #ids do
        -- The id may have been another job's, long ago.
        bytes = bytes + #results[i] - redis.call('HSTRLEN', hash, ids[i])
        redis.call('HSET', hash, ids[i], results[i])
    end
    redis.call('HINCRBY', prefix .. 'meta', 'results_bytes', string.format('%d', bytes))
end

-- Forget results whose time is over, and those that would be the next when they are more than `keep`, or have more
-- bytes than `keep_bytes` together; at most `limit` of them. Returns how many.
local function trim_results(prefix, now_ms, limit, keep, keep_bytes)
    local call, hash, index, meta = redis.call, prefix .. 'results', prefix .. 'results_until', prefix .. 'meta'
    local count, bytes = call('ZCARD', index), tonumber(call('HGET', meta, 'results_bytes') or 0)
    local first = call('ZRANGE', index, 0, limit - 1, 'WITHSCORES')
    local over, freed = {}, 0
    for i = 1, #first, 2 do
        if tonumber(first[i + 1]) > now_ms and count <= keep and bytes - freed <= keep_bytes then
            break
        end
        over[#over + 1] = first[i]
        count, freed = count - 1, freed + call('HSTRLEN', hash, first[i])
    end
    if #over > 0 then
        call('HDEL', hash, unpack(over))
        call('ZREM', index, unpack(over))
        if count == 0 then
            call('HDEL', meta, 'results_bytes')
        else
            call('HINCRBY', meta, 'results_bytes', string.format('%d', -freed))
        end
    end
    return #over
end
