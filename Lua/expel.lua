#!lua flags=allow-oom
--[[
  expel.lua: make the leases of a consumer that is gone run out now. What becomes of their jobs is for reap.lua.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  cursor of the step before, '0' at first
  ARGV[3]  leases to look at in this step, about; 1..1000

  Returns  {cursor, expelled}; a cursor '0' = all were looked at
           expelled: of how many jobs this step made the lease run out
  A step ends early when it has found 1,000 jobs; its cursor begins with '+' and leads to the same place again.
  A consumer that lives in spite of it may extend its leases until they are reaped; then its settles are refused.
  Cost     O(limit + expelled log N) for a step.
]]
--- @include "clock"
--- @include "limits"
--- @include "holder"
--- @include "deadline"
--- @include "unused"

local call = redis.call
local prefix, consumer, cursor, limit = KEYS[1], ARGV[1], ARGV[2], checked_limit(ARGV[3])
local place = string.match(cursor or '', '^%+?(%d+)$')
if not (limit and place) or consumer == '' then
    return redis.error_reply('ERR STINT_ARGUMENTS expel: consumer, cursor, limit 1..1000')
end
local leased, leases = prefix .. 'leased', prefix .. 'leases'
local step = call('HSCAN', leases, place, 'COUNT', limit)
local entries, running, expelled = step[2], {}, 0
for i = 1, #entries, 2 do
    -- Never later than it is: what has run out by now, by an earlier step too, stays as it is.
    local deadline_us = tonumber(entries[i]) or 0
    if lease_holder(entries[i + 1]) == consumer and deadline_us > now_us then
        running[#running + 1] = { deadline_us, entries[i], entries[i + 1] }
    end
end
-- One ends just before the other: they keep their order.
table.sort(running, function(a, b) return a[1] > b[1] end)
for i = 1, #running do
    local deadline, lease = running[i][2], running[i][3]
    if expelled >= MAX_JOBS then
        return { '+' .. place, expelled }
    end
    local ids = call('ZRANGE', leased, deadline, deadline, 'BYSCORE', 'LIMIT', '0', MAX_JOBS)
    if #ids > 0 then
        local now, args = draw_deadline(leases, now_us, lease), {}
        for k = 1, #ids do
            args[2 * k - 1], args[2 * k] = now, ids[k]
        end
        call('ZADD', leased, unpack(args))
    end
    forget_unused(prefix, { deadline })
    expelled = expelled + #ids
end
return { step[1], expelled }
