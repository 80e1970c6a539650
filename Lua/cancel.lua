#!lua flags=allow-oom
--[[
  cancel.lua: cancel jobs, wherever they are.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  who and why, for people; 1,000 bytes of it are kept
  ARGV     id 1 … id n, n = 1..1000

  Returns  {answer, answer, …}, one for each id:
           `cancelled` = it will not run (any more); `requested <consumer ID>` = it is running, its holder is told by
           its next heartbeat and it will not be run again; `done`, `unknown` = there was nothing to cancel
  Writes   `cancelled` first, then out of its index; its record stays until `cancelled` is trimmed.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "tries"
--- @include "finish"
--- @include "state"
--- @include "holder"

local call = redis.call
local prefix, reason = KEYS[1], string.sub(ARGV[1] or '', 1, MAX_REASON)
local n = #ARGV - 1
if n < 1 or n > MAX_JOBS then
    return redis.error_reply('ERR STINT_ARGUMENTS cancel: a reason, then 1..1000 ids')
end

local replies, cancelled, ended, asked = {}, 0, {}, {}
for i = 1, n do
    local id = ARGV[i + 1]
    local state, score = state_of(prefix, id)
    if state == 'leased' then
        note_extras(prefix, 'cancels')
        call('HSET', prefix .. 'cancels', id, reason)
        local lease = call('HGET', prefix .. 'leases', string.format('%d', score))
        replies[i] = 'requested ' .. lease_holder(lease or '')
        asked[#asked + 1] = id
    elseif state == 'ready' or state == 'scheduled' or state == 'dead' then
        local failures, lapses = read_tries(prefix, id)
        write_tries(prefix, id, failures, lapses, now_ms, 'cancelled: ' .. reason)
        end_cancelled(prefix, id, now_ms)
        call('ZREM', prefix .. state, id)
        replies[i], ended[#ended + 1] = 'cancelled', id
        cancelled = cancelled + 1
    else
        replies[i] = state or 'unknown'
    end
end
if cancelled > 0 then
    call('HINCRBY', prefix .. 'meta', 'cancelled_total', cancelled)
end
local settings = call('HGET', prefix .. 'meta', 'settings')
if settings then
    --- @include "events"
    if #ended > 0 then
        tell(prefix, settings, 'cancelled', 'cancelled', ended, nil, nil, reason)
    end
    for _, id in ipairs(asked) do
        add('cancel_requested', '', id, nil, nil, reason)
    end
    tell_all(prefix, settings)
end
return replies
