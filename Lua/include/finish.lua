--- @include "extras"
--- @include "ends"

-- Bury a job, with the reason. Its record stays, so that it can be looked at and redriven.
local function bury(prefix, id, now_ms)
    redis.call('ZADD', prefix .. 'dead', now_ms, id)
    redis.call('HDEL', prefix .. 'cancels', id)
    tell_end(prefix, 'dead', id)
end

-- End a job as cancelled. Its record stays for a while, so that it can be looked at and retried.
local function end_cancelled(prefix, id, now_ms)
    redis.call('ZADD', prefix .. 'cancelled', now_ms, id)
    redis.call('HDEL', prefix .. 'cancels', id)
    tell_end(prefix, 'cancelled', id)
end

-- Forget jobs for good: record and everything that hangs on it. The caller has taken them out of their index.
local function forget(prefix, ids)
    redis.call('HDEL', prefix .. 'jobs', unpack(ids))
    drop_extras(prefix, redis.call('HGET', prefix .. 'meta', 'extras'), ids)
end
