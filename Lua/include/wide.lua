-- Redis keeps a small hash (512 fields) or sorted set (128 members) as one packed list and searches it from its head,
-- which at some hundred jobs costs three times as much as the script itself. A value of more than 64 bytes turns such
-- a key into a table for as long as it exists, also when the value has gone again.
-- The callers try it about once for every 64 jobs: a key that is emptied all the time costs nothing, a busy one is wide
-- soon.
local PAD = '                                                                 '

local function widen_hash(key)
    redis.call('HSET', key, '', PAD)
    redis.call('HDEL', key, '')
end

local function widen_zset(key)
    redis.call('ZADD', key, '+inf', PAD)
    redis.call('ZREM', key, PAD)
end
