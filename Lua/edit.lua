#!lua
--[[
  edit.lua: give jobs that are not running another payload. Their headers, places and tries stay.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     id 1, payload 1, … id n, payload n, n = 1..1000

  Returns  {answer, answer, …}, one for each id: `edited`; or, with nothing changed, `leased` or `done`, the state that
           it is in; `unknown`; `empty` when its record is missing; `encoded` when its payload was written by a codec
           (option `c`), which another text would not be.
  Refused by Redis before any write when it is out of memory.
  Writes   the record, once for each job.
  Cost     O(n log N), and the size of the records.
]]
--- @include "limits"
--- @include "state"

local call = redis.call
local prefix, n = KEYS[1], #ARGV / 2
if n < 1 or n > MAX_JOBS or n ~= math.floor(n) then
    return redis.error_reply('ERR STINT_ARGUMENTS edit: 1..1000 ids, each with a payload')
end
local jobs, replies = prefix .. 'jobs', {}
for i = 1, n do
    local id = ARGV[2 * i - 1]
    local state = state_of(prefix, id)
    if not state or state == 'leased' or state == 'done' then
        replies[i] = state or 'unknown'
    else
        local header = string.match(call('HGET', jobs, id) or '', '^[^\n]*\n')
        if not header then
            replies[i] = 'empty'
        elseif string.find(header, ';c=', 1, true) then
            replies[i] = 'encoded'
        else
            call('HSET', jobs, id, header .. ARGV[2 * i])
            replies[i] = 'edited'
        end
    end
end
return replies
