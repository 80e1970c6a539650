#!lua flags=allow-oom
--[[
  reorder.lua: give ready jobs the scores of the order that their queue has now, some at a time, after `configure` has
  set another one. Meanwhile all of them may be claimed, in an order that is neither.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  cursor of the step before, '0' at first
  ARGV[2]  how many to look at in this step, about; 1..1000
  ARGV[3]  what the step before said of which change this is, '' at first

  Returns  {cursor, change, looked at, bytes of records read}; a cursor '0' = all jobs are in order. When the order was
           changed again meanwhile it begins anew by itself.
  A job keeps the time at which it became ready, as far as its old score tells; where that was a deadline, it is now.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "order"
--- @include "arrival"

local call = redis.call
local prefix, cursor, limit, change = KEYS[1], ARGV[1], checked_limit(ARGV[2]), ARGV[3]
if not (limit and change and string.match(cursor, '^%d+$')) then
    return redis.error_reply('ERR STINT_ARGUMENTS reorder: cursor, limit 1..1000, change')
end
local ready, meta = prefix .. 'ready', prefix .. 'meta'
local state = call('HMGET', meta, 'reorder', 'settings')
local under_way = state[1] or ''
if under_way == '' then
    return { '0', '', 0, 0 }
end
if under_way ~= change then
    cursor = '0'
end

local before, order = string.match(under_way, '^%S+'), queue_order(state[2])
local ticks, pair = math.floor(now_us / TICK_US), 2 * BAND
local step = call('ZSCAN', ready, cursor, 'COUNT', limit)
local entries, bytes = step[2], 0
-- A scan brings more than was asked for where the server keeps large sets as packed lists: a hundred records at a time.
for first = 1, #entries, 200 do
    local ids = {}
    for i = first, math.min(first + 199, #entries), 2 do
        ids[#ids + 1] = entries[i]
    end
    local records = call('HMGET', prefix .. 'jobs', unpack(ids))
    for i = 1, #ids do
        local record, score = records[i], tonumber(entries[first + 2 * i - 1])
        local new = record and order(record, arrival_ticks(before, record, score) or ticks)
        bytes = bytes + #(record or '')
        -- An aged job that has its new score already was weighed with the new weight.
        if record and new ~= score
            and not (new >= AGED_BAND * BAND and math.floor(new / pair) == math.floor(score / pair)) then
            call('ZADD', ready, 'XX', string.format('%d', new), ids[i])
        end
    end
end
if step[1] == '0' then
    call('HDEL', meta, 'reorder')
end
return { step[1], under_way, #entries / 2, bytes }
