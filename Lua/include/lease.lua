-- A lease is "<token>:<consumer ID>". `leased` says of an id when its lease ends, in us, and `leases` says of such a
-- deadline whose it is: no two leases share one (deadline.lua). It is held by who shows token and consumer; a lease
-- that is gone and a lease that is another's are different answers.
local GONE, STALE = 0, -1
local FEW = 64

-- Split `ids` by whether (token, consumer) holds their leases. Returns
--   the held ids, in their order; (id, code) pairs of the others are appended to `refused`
--   their deadlines, each once
--   whether they are known to be all that end at the one deadline, so that they can be taken out together
-- What ends at one deadline comes in the order of the ids: ids of one claim in that order, with a few of the claim
-- missing, cost one range.
local function split_held(prefix, ids, token, consumer, refused)
    local call, leased, lease = redis.call, prefix .. 'leased', token .. ':' .. consumer
    local score, n, all = call('ZSCORE', leased, ids[1]), #ids, nil
    local deadline = score and string.format('%d', score)
    if deadline and call('HGET', prefix .. 'leases', deadline) == lease then
        if n == 1 then
            return ids, { deadline }, false
        end
        all = call('ZRANGE', leased, deadline, deadline, 'BYSCORE', 'LIMIT', '0',
            string.format('%d', n + math.min(n, FEW)))
        local i, k = 1, 1
        while i <= n and all[k] do
            if all[k] == ids[i] then
                i = i + 1
            end
            k = k + 1
        end
        if i > n then
            return ids, { deadline }, #all == n
        end
    end
    --- @include "apart"
    return split_apart(all)
end
