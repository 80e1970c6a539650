#!lua flags=no-writes,allow-oom
--[[
  stats.lua: a queue at a glance.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag

  Returns  {name, value, name, value, …}: sizes of the indexes, totals, `paused`, and ages in ms (-1 = there is none):
           oldest_ready_ms (how long the job that has been ready longest waits),
           due_in_ms (until the next scheduled one),
           lapse_in_ms (until the next lease runs out; 0 = one has run out and waits for a reaper).
  Cost     O(number of priorities in use), at most 201.
]]
--- @include "clock"
--- @include "limits"
--- @include "order"
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
local totals = call('HMGET', prefix .. 'meta', 'paused', unpack(COUNTERS))
for i, name in ipairs(COUNTERS) do
    add(name, totals[i + 1] or '0')
end
add('paused', totals[1] or '0')

-- The first of each band is its oldest: hop from band to band.
local oldest_ms, low = nil, '-inf'
for _ = 1, 201 do
    local head = call('ZRANGEBYSCORE', ready, low, '+inf', 'WITHSCORES', 'LIMIT', '0', '1')
    if not head[1] then
        break
    end
    local score = tonumber(head[2])
    local band = math.floor(score / BAND) * BAND
    local since_ms = math.floor((score - band) * 125 / 1000)
    oldest_ms = math.max(oldest_ms or 0, now_ms - since_ms)
    low = string.format('%d', band + BAND)
end
add('oldest_ready_ms', oldest_ms or -1)
local function whole_ms(us)
    return us < 0 and us or math.ceil(us / 1000)
end
add('due_in_ms', whole_ms(first_in(prefix .. 'scheduled', 1000, now_us)))
add('lapse_in_ms', whole_ms(first_in(prefix .. 'leased', 1, now_us)))
return replies
