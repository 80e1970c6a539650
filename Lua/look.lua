#!lua flags=allow-oom
--[[
  look.lua: tell an idle node what there is to do in many queues: the net below lost marks, without a claim for each.

  KEYS[1]  a queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag. KEYS[2] and so on:
           the other queues', at most 1,000 of them; in a cluster, those of one slot
  ARGV[1]  consumer ID

  Returns  {server µs, ready, due in, lapse in, ready, due in, lapse in, …}, three for each queue:
           ready: 1 = there are ready or due jobs, and the queue is not paused: worth a claim
           due in: µs until this consumer has to see to the next scheduled job, -1 = it need not
           lapse in: µs until the next lease runs out, -1 = none is leased
  Writes   nothing but who is told of a due time.
  Cost     O(queues).
]]
--- @include "clock"
--- @include "limits"
--- @include "first"
--- @include "alarm"

local call = redis.call
local consumer = ARGV[1]
if not consumer or consumer == '' or #KEYS > MAX_JOBS then
    return redis.error_reply('ERR STINT_ARGUMENTS look: consumer, at most 1000 queues')
end
local replies = { now_us }
for i = 1, #KEYS do
    local prefix = KEYS[i]
    local paused = call('HGET', prefix .. 'meta', 'paused') == '1'
    local due_in = first_in(prefix .. 'scheduled', 1000, now_us)
    local ready = (due_in == 0 or call('EXISTS', prefix .. 'ready') == 1) and not paused
    local told = -1
    if not paused then
        told = alarm_for(prefix, consumer, due_in, now_us)
    end
    local at = 3 * i - 1
    replies[at], replies[at + 1], replies[at + 2] = ready and 1 or 0, told, first_in(prefix .. 'leased', 1, now_us)
end
return replies
