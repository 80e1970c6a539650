-- A lease is "<token>:<consumer ID>". It is held by who shows both; a lease that is gone and a lease that is another's
-- are different answers.
local GONE, STALE = 0, -1

local function lease_check(prefix, id, token, consumer)
    local held = redis.call('HGET', prefix .. 'leases', id)
    if not held then
        return GONE
    end
    if held ~= token .. ':' .. consumer then
        return STALE
    end
    return 1
end

-- The consumer ID of a lease. It may contain colons.
local function lease_holder(lease)
    return string.match(lease, '^%d*:(.*)$') or lease
end

-- The last writes of every way out of `leased`; the job is in its next index already.
local function end_lease(prefix, id)
    redis.call('ZREM', prefix .. 'leased', id)
    redis.call('HDEL', prefix .. 'leases', id)
end

-- Split `ids` by whether (token, consumer) holds their leases. Returns the held ids and appends (id, code) pairs of the
-- others to `refused`. The usual case, all held, returns `ids` itself.
local function split_held(prefix, ids, token, consumer, refused)
    local expected = token .. ':' .. consumer
    local leases = redis.call('HMGET', prefix .. 'leases', unpack(ids))
    local intact = true
    for i = 1, #ids do
        if leases[i] ~= expected then
            intact = false
            break
        end
    end
    if intact then
        return ids
    end
    local held = {}
    for i = 1, #ids do
        if leases[i] == expected then
            held[#held + 1] = ids[i]
        else
            refused[#refused + 1] = ids[i]
            refused[#refused + 1] = leases[i] and STALE or GONE
        end
    end
    return held
end
