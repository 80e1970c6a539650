#!lua flags=allow-oom
--[[
  beat.lua: enter a node, its session and its queues in the registers. Correctness never depends on them.

  KEYS[1]  the registers' prefix, `stint:{*}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  what there is to know of the node, JSON; empty = it has left
  ARGV[3]  forget nodes whose last beat is older than this, ms
  ARGV[4]  its session, `<run id of the server> <client id of its connection>`; empty = not to be judged by that
  ARGV     queue 1 … queue n

  Returns  {server ms, order}: what the node was told: `quiet`, `stop`, or '' = nothing.
  Cost     O(n + log N).
]]
--- @include "clock"

local call = redis.call
local prefix, consumer, about, keep_ms, session = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if not (consumer and keep_ms and session) then
    return redis.error_reply('ERR STINT_ARGUMENTS beat: consumer, JSON, keep ms, session, queues')
end
local nodes, abouts = prefix .. 'nodes', prefix .. 'abouts'
local sessions, watch, orders = prefix .. 'sessions', prefix .. 'watch', prefix .. 'orders'
if about == '' or session == '' then
    call('HDEL', sessions, consumer)
else
    call('HSET', sessions, consumer, session)
end
call('HDEL', watch, consumer)
local order
if about == '' then
    call('ZREM', nodes, consumer)
    call('HDEL', abouts, consumer)
    call('HDEL', orders, consumer)
    -- Who looked last is of no interest to nobody.
    if call('EXISTS', nodes) == 0 then
        call('UNLINK', watch)
    end
else
    call('HSET', abouts, consumer, about)
    call('ZADD', nodes, string.format('%d', now_ms), consumer)
    if #ARGV > 4 then
        call('SADD', prefix .. 'queues', unpack(ARGV, 5, math.min(#ARGV, 1004)))
    end
    order = call('HGET', orders, consumer)
end
local gone = call('ZRANGEBYSCORE', nodes, '-inf', string.format('%d', now_ms - keep_ms), 'LIMIT', 0, 100)
if #gone > 0 then
    call('HDEL', sessions, unpack(gone))
    call('HDEL', watch, unpack(gone))
    call('HDEL', abouts, unpack(gone))
    call('HDEL', orders, unpack(gone))
    call('ZREM', nodes, unpack(gone))
end
return { string.format('%d', now_ms), order or '' }
