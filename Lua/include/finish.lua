--- @include "extras"
--- @include "tries"
--- @include "ends"

-- Bury a job, with the reason. Its record stays, so that it can be looked at and redriven.
local function bury(prefix, id, now_ms)
    redis.call('ZADD', prefix .. 'dead', now_ms, id)
    redis.call('HDEL', prefix .. 'cancels', id)
    if has_extras(prefix, 'unique_of') then
        free_keys(prefix, { id })
    end
    tell_end(prefix, 'dead', id)
end

-- End a job as cancelled. Its record stays for a while, so that it can be looked at and retried. Of one that was leased
-- when somebody cancelled it, who and why become its reason, whatever ended the lease.
local function end_cancelled(prefix, id, now_ms)
    local why = redis.call('HGET', prefix .. 'cancels', id)
    if why then
        local failures, lapses = read_tries(prefix, id)
        write_tries(prefix, id, failures, lapses, now_ms, 'cancelled: ' .. why)
    end
    redis.call('ZADD', prefix .. 'cancelled', now_ms, id)
    redis.call('HDEL', prefix .. 'cancels', id)
    if has_extras(prefix, 'unique_of') then
        free_keys(prefix, { id }, true)
    end
    tell_end(prefix, 'cancelled', id)
end

-- Forget jobs for good: record and everything that hangs on it. The caller has taken them out of their index.
local function forget(prefix, ids)
    redis.call('HDEL', prefix .. 'jobs', unpack(ids))
    drop_extras(prefix, redis.call('HGET', prefix .. 'meta', 'extras'), ids, true)
end
