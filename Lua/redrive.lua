#!lua
--[[
  redrive.lua: bring dead or cancelled jobs back: ready now, with all their tries before them.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     id 1 … id n, n = 1..1000

  Returns  {answer, answer, …}, one for each id: `ready`; or the state that it is in, unchanged (`ready`, `scheduled`,
           `leased`, `done`); or `unknown`; or `empty` when its record is missing: nothing to run, the id is forgotten;
           or `taken` when another job has its unique key.
  Writes   its key, then `ready`, then out of its index, then its tries.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "take"

local call = redis.call
local prefix, n = KEYS[1], #ARGV
if n < 1 or n > MAX_JOBS then
    return redis.error_reply('ERR STINT_ARGUMENTS redrive: 1..1000 ids')
end
local replies, redriven = {}, 0

-- Whether a job may run as far as its unique key goes; it has it then again, unless that was for a time.
local function take_again(id)
    if not has_extras(prefix, 'unique_of') then
        return true
    end
    local mode, key = string.match(call('HGET', prefix .. 'unique_of', id) or '', '^(%l) (.*)$')
    if not mode then
        return true
    end
    local holder = key_holder(prefix, key, call('HGET', prefix .. 'unique', key))
    if not holder and mode ~= 't' then
        take_key(prefix, id, mode, key)
    end
    return not holder or holder == id
end

for i = 1, n do
    local id = ARGV[i]
    local state = state_of(prefix, id)
    if state == 'dead' or state == 'cancelled' then
        local record = call('HGET', prefix .. 'jobs', id)
        if record and not take_again(id) then
            replies[i] = 'taken'
        elseif record then
            append_ready(prefix .. 'ready', record_priority(record), now_us, { id }, 1, 1)
            call('ZREM', prefix .. state, id)
            call('HDEL', prefix .. 'tries', id)
            replies[i] = 'ready'
            redriven = redriven + 1
        else
            -- Nothing is left of it but the id: forget that too, so that it may be used again.
            call('ZREM', prefix .. state, id)
            call('HDEL', prefix .. 'tries', id)
            replies[i] = 'empty'
        end
    else
        replies[i] = state or 'unknown'
    end
end
if redriven > 0 then
    call('HINCRBY', prefix .. 'meta', 'redriven_total', redriven)
    mark(prefix)
end
return replies
