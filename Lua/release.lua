#!lua flags=allow-oom
--[[
  release.lua: hand leased jobs back as if they had never been claimed: the attempt is not counted.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  delay, ms: 0 = to where they were before the claim, at once (shutdown);
           more = not before then (snooze, unknown type)
  ARGV     groups: token, n, id 1 … id n

  Returns  {released, id, code, id, code, …}: how many were released, then every refused id: 0 = gone, -1 = not yours
           any more. A job that somebody wants cancelled ends as cancelled instead; it counts as released.
  Writes   new index first, then out of `leased`.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "lease"
--- @include "unused"
--- @include "finish"
--- @include "groups"

local call = redis.call
local prefix, consumer, delay_ms = KEYS[1], ARGV[1], tonumber(ARGV[2])
if not (delay_ms and delay_ms >= 0 and delay_ms <= MAX_MS) then
    return redis.error_reply('ERR STINT_ARGUMENTS release: the delay is a number of ms, 0 or more')
end
local replies, groups, at = { 0 }, {}, 3
while ARGV[at] do
    local token, ids, next_at = ARGV[at], group_ids(at + 1)
    if not ids then
        return redis.error_reply(next_at)
    end
    groups[#groups + 1] = { split_held(prefix, ids, token, consumer, replies) }
    at = next_at
end

-- An id may stand twice in a call: HSCAN, by which lost claims are found, may report it twice.
local released, cancelled, seen, ended = 0, 0, {}, {}
local due = string.format('%d', now_ms + delay_ms)
local order = queue_order(delay_ms == 0 and call('HGET', prefix .. 'meta', 'settings'))
-- From the last to the first, groups too: each job goes before the one that was put back before it.
for g = #groups, 1, -1 do
    local held = groups[g][1]
    for i = #held, 1, -1 do
        local id = held[i]
        if not seen[id] then
            seen[id] = true
            if call('HEXISTS', prefix .. 'cancels', id) == 1 then
                end_cancelled(prefix, id, now_ms)
                cancelled, ended[id] = cancelled + 1, true
            elseif delay_ms > 0 then
                call('ZADD', prefix .. 'scheduled', due, id)
            else
                prepend_ready(order, prefix, id, call('HGET', prefix .. 'jobs', id))
            end
            call('ZREM', prefix .. 'leased', id)
            released = released + 1
        end
    end
    forget_unused(prefix, groups[g][2])
end
if cancelled > 0 then
    call('HINCRBY', prefix .. 'meta', 'cancelled_total', cancelled)
end
if released > 0 then
    call('HINCRBY', prefix .. 'meta', 'released_total', released)
    mark(prefix)
    local settings = call('HGET', prefix .. 'meta', 'settings')
    if settings then
        --- @include "events"
        at = 3
        for g = 1, #groups do
            for _, id in ipairs(groups[g][1]) do
                local to = ended[id] and 'cancelled' or delay_ms > 0 and 'scheduled' or 'ready'
                add(ended[id] and 'cancelled' or 'released', to, id, consumer, ARGV[at])
            end
            at = at + 2 + tonumber(ARGV[at + 1])
        end
        tell_all(prefix, settings)
    end
end
replies[1] = released
return replies
