-- The one place where a script learns the time: the Redis server's clock, read once.
-- now_us is exact in a Lua number (16 digits, below 2^53) but must be printed with '%.0f'; now_ms has 13 digits.
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
