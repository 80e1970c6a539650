--- @include "unused"

-- The last writes of every way out of `leased`; the jobs are in their next index already. `deadlines` are theirs;
-- `whole`: no other job ends at the one deadline. Returns how many were leased.
local function end_leases(prefix, ids, deadlines, whole)
    local leased = prefix .. 'leased'
    if whole then
        local ended = redis.call('ZREMRANGEBYSCORE', leased, deadlines[1], deadlines[1])
        redis.call('HDEL', prefix .. 'leases', deadlines[1])
        return ended
    end
    local ended = redis.call('ZREM', leased, unpack(ids))
    forget_unused(prefix, deadlines)
    return ended
end
