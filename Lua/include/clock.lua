-- The one place where a script learns the time: the Redis server's clock, read once.
-- now_us is exact in a Lua number (16 digits, below 2^53) but must be printed with '%d'; now_ms has 13 digits.
-- What Redis makes of a number that is passed to a command, '%.17g', is right too and costs three times as much.
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
