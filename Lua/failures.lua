#!lua flags=no-writes,allow-oom
--[[
  failures.lua: why jobs are dead, or will be tried again; some of them at a time.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  cursor of the step before, '0' at first
  ARGV[2]  how many to look at in this step, about; 1..1000

  Returns  {cursor, server ms, bytes of records read, job, job, …}; a cursor '0' = that was all
           job: {id, state, when ms, type, bytes of its payload, tries}, for those that are dead, and those that wait
           for, or are in, another attempt. when: as in `show`, '' when ready. The reason in tries is cut after 300
           bytes. A job that is there all the time is told at least once.
  Cost     O(limit log N), and the size of the records.
]]
--- @include "clock"
--- @include "limits"
--- @include "state"

local TRIES_BYTES = 350

local call = redis.call
local prefix, cursor, limit = KEYS[1], ARGV[1], checked_limit(ARGV[2])
if not limit or not string.match(cursor or '', '^%d+$') then
    return redis.error_reply('ERR STINT_ARGUMENTS failures: cursor, limit 1..1000')
end
local step = call('HSCAN', prefix .. 'tries', cursor, 'COUNT', limit)
local replies, bytes, entries = { step[1], string.format('%d', now_ms), 0 }, 0, step[2]
for i = 1, #entries, 2 do
    local id = entries[i]
    local state, score = state_of(prefix, id)
    if state and state ~= 'cancelled' and state ~= 'done' then
        if state == 'leased' then
            score = string.format('%d', math.ceil(tonumber(score) / 1000))
        end
        local record = call('HGET', prefix .. 'jobs', id) or ''
        local head = string.find(record, '\n', 1, true) or 0
        bytes = bytes + #record
        replies[#replies + 1] = {
            id, state, state ~= 'ready' and score or '',
            string.match(record, '^[jJ]([^;\n]*)') or '', #record - head,
            string.sub(entries[i + 1], 1, TRIES_BYTES),
        }
    end
end
replies[3] = bytes
return replies
