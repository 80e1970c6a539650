#!lua
--[[
  redrive.lua: bring dead or cancelled jobs back: ready now, with all their tries before them.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     id 1 … id n, n = 1..1000

  Returns  {answer, answer, …}, one for each id: `ready`; or the state that it is in, unchanged (`ready`, `scheduled`,
           `leased`, `done`); or `unknown`; or `empty` when its record is missing: nothing to run, the id is forgotten;
           or `taken` when another job has its unique key.
  A job that was to be started before now (option `b`) comes back without that option: it would expire again at once.
  The history of its attempts stays.
  Writes   its key, the record where it changes, `ready`, then out of its index, then its tries.
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
local replies, redriven, order, back = {}, 0, nil, {}

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
            local start_by_ms = record_option(record, 'b')
            if start_by_ms and start_by_ms < now_ms then
                --- @include "options"
                record = with_option(record, 'b')
                call('HSET', prefix .. 'jobs', id, record)
            end
            order = order or queue_order(call('HGET', prefix .. 'meta', 'settings'))
            append_ready(order, prefix, { id }, { record })
            call('ZREM', prefix .. state, id)
            call('HDEL', prefix .. 'tries', id)
            replies[i], back[#back + 1] = 'ready', id
            redriven = redriven + 1
        else
            -- Nothing is left of it but the id: forget that too, so that it may be used again.
            call('ZREM', prefix .. state, id)
            --- @include "extras"
            drop_extras(prefix, call('HGET', prefix .. 'meta', 'extras'), { id })
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
