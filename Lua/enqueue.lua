#!lua
--[[
  enqueue.lua: accept jobs, each once, due now or later.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     groups of jobs that are due at the same time and share a priority, one after the other:
           due       ms from now (0 = now), or `@` and ms since 1970 on the server's clock
           priority  -100..100, the same that stands in the records
           kind      1: the ids are fresh: minted for this call, rise, and were never sent before: nothing is looked up
                     0: ids that exist, or finished not long ago, are refused
                     2: as 0, and the records have terms that the server has to work out (terms.lua)
                     3: as 2, and the jobs are unique (keys.lua), as option `u` of their records says
           n         how many jobs, 1..1000 in the whole call
           id 1, record 1, … id n, record n
           of kind 3: id, record, `replace` or `keep`, unique key, for each

  Returns  {accepted, id, state, id, state, …}: how many were accepted, then every refused id with the state in which
           it exists already, or `taken <state> <id>` when that job has its unique key, or `replaced <state> <id>` when
           that job has the record and the due time now. Nothing else about a refused id is changed.
  Refused by Redis before any write when it is out of memory.
  Writes   keys, record, index, total, mark, events: a prefix of them is a record without index, which fsck makes ready.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "band"
--- @include "settings"

local call = redis.call
local prefix = KEYS[1]
local jobs, ready, scheduled = prefix .. 'jobs', prefix .. 'ready', prefix .. 'scheduled'
local settings = call('HGET', prefix .. 'meta', 'settings')

-- First pass, reads only: cut the arguments into groups, and find out which ids exist.
local groups, replies, total, seen, taken = {}, { 0 }, 0, {}, {}
local at = 1
while ARGV[at] do
    local due, priority, kind, n = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
    local width = kind == '3' and 4 or 2
    if not (priority and n) or priority < -100 or priority > 100 or priority % 1 ~= 0 or n < 1 or n % 1 ~= 0
        or not ARGV[at + 3 + width * n] then
        return redis.error_reply('ERR STINT_ARGUMENTS enqueue: malformed group at argument ' .. at)
    end
    total = total + n
    if total > MAX_JOBS then
        return redis.error_reply('ERR STINT_ARGUMENTS enqueue: more than 1000 jobs in one call')
    end
    local due_ms
    if string.byte(due) == 64 then
        due_ms = tonumber(string.sub(due, 2))
    else
        due_ms = tonumber(due)
        due_ms = due_ms and now_ms + due_ms
    end
    if not due_ms or due_ms ~= due_ms or due_ms > 9007199254740991 then
        return redis.error_reply('ERR STINT_ARGUMENTS enqueue: the due time is not a number of ms at argument ' .. at)
    end
    local fresh = kind == '1'
    local group = { due_ms = due_ms, priority = priority, fresh = fresh, n = n, width = width, list = ARGV,
        first = at + 4 }
    if not fresh then
        --- @include "state"
        --- @include "known"
        local known = kind == '3' and {} or replies
        keep_unknown(prefix, group, seen, known)
        if kind == '2' or kind == '3' then
            --- @include "terms"
            for i = 2, 2 * group.n, 2 do
                group.list[i] = settle_terms(group.list[i])
            end
        end
        if kind == '3' then
            --- @include "keys"
            if not keep_free(prefix, group, taken, replies) then
                return redis.error_reply('ERR STINT_ARGUMENTS enqueue: a record without option u, at argument ' .. at)
            end
            -- Of an id that stands twice in the group the first was refused for its key.
            for i = 1, #known do
                replies[#replies + 1] = known[i]
            end
            group.before, group.after = take_keys, leave_replaced
        end
    end
    groups[#groups + 1] = group
    at = at + 4 + width * n
end

-- Second pass, writes.
local accepted, wake, index = 0, false, ready
-- By priority, as nearly always: then fresh ids need not be compared with anything.
local is_ordered = settings and string.find(settings, 'order=', 1, true)
for _, group in ipairs(groups) do
    local n, list, first, due_ms = group.n, group.list, group.first, group.due_ms
    if n > 0 then
        local last = first + 2 * n - 1
        if group.before then
            group.before(prefix, group.takes)
            index = due_ms <= now_ms and ready or scheduled
        end
        accepted = accepted + call('HSET', jobs, unpack(list, first, last))
        if due_ms <= now_ms and (is_ordered or not group.fresh) then
            --- @include "order"
            if is_ordered then
                local ids, records = {}, {}
                for i = 1, n do
                    ids[i], records[i] = list[first + 2 * i - 2], list[first + 2 * i - 1]
                end
                append_ready(queue_order(settings), prefix, ids, records)
            else
                append_band(ready, (100 - group.priority) * BAND + math.floor(now_us / TICK_US), group.ids)
            end
            wake = true
        else
            local score
            index, score = scheduled, due_ms
            if due_ms <= now_ms then
                index, wake, score = ready, true, (100 - group.priority) * BAND + math.floor(now_us / TICK_US)
            end
            -- id 1, record 1, id 2, … becomes score, id 1, score, id 2, …
            local args, text = { unpack(list, first - 1, last - 1) }, string.format('%d', score)
            for i = 1, 2 * n, 2 do
                args[i] = text
            end
            call('ZADD', index, unpack(args, 1, 2 * n))
            -- Idle nodes sleep until the first due time they know: tell one of them of an earlier one.
            if not wake then
                local head = call('ZRANGE', scheduled, '0', '0', 'WITHSCORES')
                wake = tonumber(head[2]) >= due_ms
            end
        end
        if group.after then
            group.after(prefix, group.takes, index)
        end
    end
end
if accepted > 0 then
    call('HINCRBY', prefix .. 'meta', 'enqueued_total', accepted == 1 and '1' or string.format('%d', accepted))
    if now_us % 64 < accepted then
        --- @include "wide"
        widen_hash(jobs)
        widen_zset(index)
    end
end
if wake then
    mark(prefix)
end
if settings then
    --- @include "events"
    for _, group in ipairs(groups) do
        for i = 1, group.n do
            local at_id = group.first + 2 * i - 2
            local replaced = group.takes and group.takes[i].replaced
            add(replaced and 'replaced' or 'enqueued', group.due_ms <= now_ms and 'ready' or 'scheduled',
                group.list[at_id])
        end
    end
    tell_all(prefix, settings)
end
replies[1] = accepted
return replies
