-- The last writes of every way out of `leased` but ack; the job is in its next index already.
local function end_lease(prefix, id)
    redis.call('ZREM', prefix .. 'leased', id)
    redis.call('HDEL', prefix .. 'leases', id)
end
