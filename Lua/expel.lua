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
local entries, expelled = step[2], 0
for i = 1, #entries, 2 do
    local deadline, lease = entries[i], entries[i + 1]
    -- Never later than it is: what has run out by now, of this step too, stays as it is.
    if lease_holder(lease) == consumer and (tonumber(deadline) or 0) > now_us then
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
end
return { step[1], expelled }
