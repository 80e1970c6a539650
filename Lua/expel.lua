#!lua flags=allow-oom
--[[
  expel.lua: make the leases of a consumer that is gone run out now. What becomes of their jobs is for reap.lua.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  cursor of the step before, '0' at first
  ARGV[3]  leases to look at in this step, about; 1..1000

  Returns  {cursor, expelled}; a cursor '0' = all were looked at
           expelled: how many leases of the consumer this step found
  A consumer that lives in spite of it may extend its leases until they are reaped; then its settles are refused.
  Cost     O(limit + expelled log N) for a step.
]]
--- @include "clock"
--- @include "limits"
--- @include "holder"

local call = redis.call
local prefix, consumer, cursor, limit = KEYS[1], ARGV[1], ARGV[2], checked_limit(ARGV[3])
if not (limit and tonumber(cursor)) or consumer == '' then
    return redis.error_reply('ERR STINT_ARGUMENTS expel: consumer, cursor, limit 1..1000')
end
local step = call('HSCAN', prefix .. 'leases', cursor, 'COUNT', limit)
local leases, expelled = step[2], 0
local now = string.format('%d', now_ms)
for i = 1, #leases, 2 do
    if lease_holder(leases[i + 1]) == consumer then
        -- Never later than it is, and never for an id that is not leased.
        call('ZADD', prefix .. 'leased', 'XX', 'LT', now, leases[i])
        expelled = expelled + 1
    end
end
return { step[1], expelled }
