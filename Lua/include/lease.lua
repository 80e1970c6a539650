-- A lease is "<token>:<consumer ID>". `leased` says of an id when its lease ends, in us, and `leases` says of such a
-- deadline whose it is: no two leases share one (deadline.lua). It is held by who shows token and consumer; a lease
-- that is gone and a lease that is another's are different answers.
local GONE, STALE = 0, -1

-- Split `ids` by whether (token, consumer) holds their leases. Returns
--   the held ids, in their order; (id, code) pairs of the others are appended to `refused`
--   their deadlines, each once
--   whether they are known to be all that end at the one deadline, so that they can be taken out together
-- The usual case, jobs of one claim, costs one range: what ends at one deadline comes in the order of the ids, and so
-- do minted ids in a claim.
local function split_held(prefix, ids, token, consumer, refused)
    local call, leased, lease = redis.call, prefix .. 'leased', token .. ':' .. consumer
    local score, n, all = call('ZSCORE', leased, ids[1]), #ids, nil
    local deadline = score and string.format('%d', score)
    if deadline and call('HGET', prefix .. 'leases', deadline) == lease then
        if n == 1 then
            return ids, { deadline }, false
        end
        all = call('ZRANGE', leased, deadline, deadline, 'BYSCORE', 'LIMIT', '0', string.format('%d', n + 1))
        local same = true
        for i = 1, n do
            if all[i] ~= ids[i] then
                same = false
                break
            end
        end
        if same then
            return ids, { deadline }, #all == n
        end
    end
    --- @include "apart"
    return split_apart(all)
end
