#!lua flags=no-writes,allow-oom
--[[
  show.lua: all that is known of jobs, in one consistent look.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     id 1 … id n, n = 1..1000

  Returns  {server ms, job, job, …}; a job is {state, score, record, tries, lease, cancel reason, unique, history}, with
           '' for what it does not have; state '' = unknown. score: due ms (scheduled), deadline ms (leased), order
           score (ready), when in ms (dead, cancelled), '' (done). unique: "<mode> <key>", as in unique.lua.
  Cost     O(n log N), and the size of the records.
]]
--- @include "clock"
--- @include "limits"
--- @include "state"

local call = redis.call
local prefix, n = KEYS[1], #ARGV
if n < 1 or n > MAX_JOBS then
    return redis.error_reply('ERR STINT_ARGUMENTS show: 1..1000 ids')
end
local replies = { string.format('%d', now_ms) }
for i = 1, n do
    local id = ARGV[i]
    local state, score = state_of(prefix, id)
    local lease
    if state == 'leased' then
        lease = call('HGET', prefix .. 'leases', string.format('%d', score))
        score = string.format('%d', math.ceil(tonumber(score) / 1000))
    end
    replies[i + 1] = {
        state or '', score or '',
        call('HGET', prefix .. 'jobs', id) or '',
        call('HGET', prefix .. 'tries', id) or '',
        lease or '',
        call('HGET', prefix .. 'cancels', id) or '',
        call('HGET', prefix .. 'unique_of', id) or '',
        call('HGET', prefix .. 'history', id) or '',
    }
end
return replies
