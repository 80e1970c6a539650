-- A lease is "<token>:<consumer ID>". It is held by who shows both; a lease that is gone and a lease that is another's
-- are different answers.
local GONE, STALE = 0, -1

-- Split `ids` by whether (token, consumer) holds their leases. Returns the held ids and appends (id, code) pairs of the
-- others to `refused`. The usual case, all held, returns `ids` itself.
local function split_held(prefix, ids, token, consumer, refused)
    local expected, n = token .. ':' .. consumer, #ids
    local leases = redis.call('HMGET', prefix .. 'leases', unpack(ids))
    local intact = true
    for i = 1, n do
        if leases[i] ~= expected then
            intact = false
            break
        end
    end
    if intact then
        return ids
    end
    local held = {}
    for i = 1, n do
        if leases[i] == expected then
            held[#held + 1] = ids[i]
        else
            refused[#refused + 1] = ids[i]
            refused[#refused + 1] = leases[i] and STALE or GONE
        end
    end
    return held
end
