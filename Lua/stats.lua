#!lua flags=no-writes,allow-oom
--[[
  stats.lua: a queue at a glance.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag

  Returns  {name, value, name, value, …}: sizes of the indexes, totals, `paused`, and ages in ms (-1 = there is none):
           oldest_ready_ms (how long the job that has been ready longest waits),
           due_in_ms (until the next scheduled one),
           lapse_in_ms (until the next lease runs out; 0 = one has run out and waits for a reaper);
           `order`, by its name, and `reordering`: 1 = not all ready jobs have it yet.
  Cost     O(number of priorities in use), at most 201.
]]
--- @include "clock"
--- @include "limits"
--- @include "order"
--- @include "arrival"
--- @include "first"

local COUNTERS = { 'enqueued_total', 'acked_total', 'nacked_total', 'lapsed_total', 'released_total', 'dead_total',
    'cancelled_total', 'redriven_total' }

local call = redis.call
local prefix = KEYS[1]
local ready = prefix .. 'ready'
local replies = {}
local function add(name, value)
    replies[#replies + 1] = name
    replies[#replies + 1] = value
end

for _, state in ipairs({ 'ready', 'scheduled', 'leased', 'dead', 'cancelled' }) do
    add(state, call('ZCARD', prefix .. state))
end
add('done', call('SCARD', prefix .. 'done') + call('SCARD', prefix .. 'done_before'))
local totals = call('HMGET', prefix .. 'meta', 'paused', 'settings', 'reorder', unpack(COUNTERS))
for i, name in ipairs(COUNTERS) do
    add(name, totals[i + 3] or '0')
end
add('paused', totals[1] or '0')
local order = setting(totals[2], 'order') or 'priority'
add('order', order)
add('reordering', totals[3] and '1' or '0')

-- How long the job that has been ready longest has been so, where the order tells: the first of each band is its
-- oldest, but for `lifo`. Of aged jobs it is the next to run; jobs with a deadline do not tell.
local function is_before(entry, oldest)
    local ticks = arrival_ticks(order, call('HGET', prefix .. 'jobs', entry[1]), tonumber(entry[2]))
    return ticks and math.min(oldest or math.huge, ticks) or oldest
end
local oldest
if order == 'lifo' or string.find(order, '^aged') then
    local entry = order == 'lifo' and call('ZRANGE', ready, '0', '0', 'REV', 'WITHSCORES')
        or call('ZRANGE', ready, '0', '0', 'WITHSCORES')
    oldest = entry[1] and is_before(entry)
else
    local low = order == 'deadline' and string.format('%d', LAST_BAND * BAND) or '-inf'
    for _ = 0, LAST_BAND do
        local head = call('ZRANGEBYSCORE', ready, low, '+inf', 'WITHSCORES', 'LIMIT', '0', '1')
        if not head[1] then
            break
        end
        oldest = is_before(head, oldest)
        low = string.format('%d', (math.floor(tonumber(head[2]) / BAND) + 1) * BAND)
    end
end
local oldest_ms = oldest and math.max(0, now_ms - math.floor(oldest * TICK_US / 1000))
add('oldest_ready_ms', oldest_ms or -1)
local function whole_ms(us)
    return us < 0 and us or math.ceil(us / 1000)
end
add('due_in_ms', whole_ms(first_in(prefix .. 'scheduled', 1000, now_us)))
add('lapse_in_ms', whole_ms(first_in(prefix .. 'leased', 1, now_us)))
return replies
