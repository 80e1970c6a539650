#!lua flags=allow-oom
--[[
  beat.lua: enter a node and its queues in the registers, for people. Correctness never depends on them.

  KEYS[1]  the registers' prefix, `stint:{*}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  what there is to know of the node, JSON; empty = it has left
  ARGV[3]  forget nodes whose last beat is older than this, ms
  ARGV     queue 1 … queue n

  Returns  server ms.
  Cost     O(n + log N).
]]
--- @include "clock"

local call = redis.call
local prefix, consumer, about, keep_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if not consumer or not keep_ms then
    return redis.error_reply('ERR STINT_ARGUMENTS beat: consumer, JSON, keep ms, queues')
end
local nodes, abouts = prefix .. 'nodes', prefix .. 'abouts'
if about == '' then
    call('ZREM', nodes, consumer)
    call('HDEL', abouts, consumer)
else
    call('HSET', abouts, consumer, about)
    call('ZADD', nodes, string.format('%d', now_ms), consumer)
    if #ARGV > 3 then
        call('SADD', prefix .. 'queues', unpack(ARGV, 4, math.min(#ARGV, 1003)))
    end
end
local gone = call('ZRANGEBYSCORE', nodes, '-inf', string.format('%d', now_ms - keep_ms), 'LIMIT', 0, 100)
if #gone > 0 then
    call('HDEL', abouts, unpack(gone))
    call('ZREM', nodes, unpack(gone))
end
return string.format('%d', now_ms)
