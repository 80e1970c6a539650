#!lua flags=allow-oom
--[[
  trim.lua: forget finished jobs that are too old or too many. The janitor of every node calls it.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  limit, 1..1000, for each state
  ARGV     for each state: its name (done, dead or cancelled), how long to keep its jobs in ms, how many to keep

  Returns  {trimmed, trimmed, …}, one for each state. A count equal to the limit says that there may be more.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "finish"

local TRIMMABLE = { done = true, dead = true, cancelled = true }

local call = redis.call
local prefix, limit = KEYS[1], checked_limit(ARGV[1])
for at = 2, #ARGV, 3 do
    if not limit or not TRIMMABLE[ARGV[at]] or not tonumber(ARGV[at + 1]) or not tonumber(ARGV[at + 2]) then
        return redis.error_reply('ERR STINT_ARGUMENTS trim: limit, then state, keep ms, keep count, at argument ' .. at)
    end
end
local replies = {}
for at = 2, #ARGV, 3 do
    local state, keep_ms, keep = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local index = prefix .. state
    local old = call('ZCOUNT', index, '-inf', string.format('(%.0f', now_ms - keep_ms))
    local excess = math.min(limit, math.max(old, call('ZCARD', index) - keep))
    if excess > 0 then
        if state == 'done' then
            call('ZREMRANGEBYRANK', index, 0, excess - 1)
        else
            local ids = call('ZRANGE', index, 0, excess - 1)
            forget(prefix, ids)
            call('ZREM', index, unpack(ids))
        end
    end
    replies[#replies + 1] = math.max(0, excess)
end
return replies
