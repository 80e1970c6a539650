#!lua flags=allow-oom
--[[
  change.lua: give jobs that wait another priority, or another due time.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  priority, -100..100; '' = as it is
  ARGV[2]  due: ms from now (0 = now), or `@` and ms since 1970 on the server's clock; '' = as it is
  ARGV     id 1 … id n, n = 1..1000

  Returns  {answer, answer, …}, one for each id: `changed`; or the state that it is in, unchanged (`leased`, `done`,
           `dead`, `cancelled`); or `unknown`; or `empty` when its record is missing.
  Writes   the record, the new index, then out of the old one.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "arrival"
--- @include "options"
--- @include "state"

local call = redis.call
local prefix, n = KEYS[1], #ARGV - 2
local priority, due = tonumber(ARGV[1]), ARGV[2]
local due_ms = due and tonumber((string.gsub(due, '^@', '')))
if due_ms and string.byte(due) ~= 64 then
    due_ms = now_ms + due_ms
end
if n < 1 or n > MAX_JOBS or not (priority or ARGV[1] == '') or not (due_ms or due == '')
    or (priority and (priority < -100 or priority > 100 or priority % 1 ~= 0))
    or (due_ms and (due_ms ~= due_ms or due_ms > 9007199254740991)) then
    return redis.error_reply('ERR STINT_ARGUMENTS change: priority -100..100 or nothing, due or nothing, 1..1000 ids')
end

local ready, scheduled = prefix .. 'ready', prefix .. 'scheduled'
local settings = call('HGET', prefix .. 'meta', 'settings')
local order, order_name = queue_order(settings), setting(settings, 'order') or 'priority'

-- A ready job with another record keeps the time at which it became ready.
local function replace(id, record, before, score)
    local ticks = arrival_ticks(order_name, before, tonumber(score)) or math.floor(now_us / TICK_US)
    call('ZADD', ready, string.format('%d', (order(record, ticks))), id)
end

-- Returns whether the job is ready now and was not, or is due before all others.
local function move(id, record, state)
    if due_ms <= now_ms then
        if state == 'scheduled' then
            append_ready(order, prefix, { id }, { record })
            call('ZREM', scheduled, id)
        end
        return state == 'scheduled'
    end
    call('ZADD', scheduled, string.format('%d', due_ms), id)
    if state == 'ready' then
        call('ZREM', ready, id)
    end
    -- Idle nodes sleep until the first due time they know: tell one of them of an earlier one.
    local head = call('ZRANGE', scheduled, '0', '0', 'WITHSCORES')
    return tonumber(head[2]) >= due_ms
end

-- Where somebody wants events told.
local note_event, announce
if settings then
    --- @include "events"
    note_event, announce = add, tell_all
end
local replies, wake = {}, false
for i = 1, n do
    local id = ARGV[i + 2]
    local state, score = state_of(prefix, id)
    if state == 'ready' or state == 'scheduled' then
        local record = call('HGET', prefix .. 'jobs', id)
        if record then
            local before = record
            if priority and priority ~= record_priority(record) then
                record = with_option(record, 'p', priority ~= 0 and string.format('%d', priority) or nil)
                call('HSET', prefix .. 'jobs', id, record)
                if state == 'ready' then
                    replace(id, record, before, score)
                end
            end
            wake = due_ms and move(id, record, state) or wake
        end
        replies[i] = record and 'changed' or 'empty'
        if record and note_event then
            note_event('changed', due_ms and (due_ms <= now_ms and 'ready' or 'scheduled') or state, id)
        end
    else
        replies[i] = state or 'unknown'
    end
end
if wake then
    mark(prefix)
end
if announce then
    announce(prefix, settings)
end
return replies
