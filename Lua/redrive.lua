#!lua
--[[
  redrive.lua: bring dead or cancelled jobs back: ready now, with all their tries before them.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     id 1 … id n, n = 1..1000

  Returns  {answer, answer, …}, one for each id: `ready`; or the state that it is in, unchanged (`ready`, `scheduled`,
           `leased`, `done`); or `unknown`; or `empty` when its record is missing: nothing to run, the id is forgotten.
  Writes   `ready` first, then out of its index, then its tries.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "state"

local call = redis.call
local prefix, n = KEYS[1], #ARGV
if n < 1 or n > MAX_JOBS then
    return redis.error_reply('ERR STINT_ARGUMENTS redrive: 1..1000 ids')
end
local replies, redriven, back = {}, 0, {}
for i = 1, n do
    local id = ARGV[i]
    local state = state_of(prefix, id)
    if state == 'dead' or state == 'cancelled' then
        local record = call('HGET', prefix .. 'jobs', id)
        if record then
            append_ready(prefix .. 'ready', record_priority(record), now_us, { id }, 1, 1)
            call('ZREM', prefix .. state, id)
            call('HDEL', prefix .. 'tries', id)
            replies[i], back[#back + 1] = 'ready', id
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
    local settings = call('HGET', prefix .. 'meta', 'settings')
    if settings then
        --- @include "events"
        tell(prefix, settings, 'redriven', 'ready', back)
    end
end
return replies
