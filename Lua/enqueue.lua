#!lua
--[[
  enqueue.lua: accept jobs, each once, due now or later.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     groups of jobs that are due at the same time and share a priority, one after the other:
           due       ms from now (0 = now), or `@` and ms since 1970 on the server's clock
           priority  -100..100, the same that stands in the records
           fresh     1: the ids were minted for this call and never sent before
                     0: look for finished jobs of these ids too
           n         how many jobs, 1..1000 in the whole call
           id 1, record 1, … id n, record n

  Returns  {accepted, id, state, id, state, …}: how many were accepted, then every refused id with the state in which
           it exists already. Nothing about a refused id is changed.
  Refused by Redis before any write when it is out of memory.
  Writes   record, index, total, mark: a prefix of them is a record without index, which fsck makes ready.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "state"

local call = redis.call
local prefix = KEYS[1]
local jobs = prefix .. 'jobs'

-- First pass, reads only: cut the arguments into groups, and find out which ids exist.
local groups, replies, total, seen = {}, { 0 }, 0, {}
local at = 1
while ARGV[at] do
    local due, priority, n = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 3])
    if not (priority and n) or priority < -100 or priority > 100 or priority % 1 ~= 0 or n < 1 or n % 1 ~= 0
        or not ARGV[at + 3 + 2 * n] then
        return redis.error_reply('ERR STINT_ARGUMENTS enqueue: malformed group at argument ' .. at)
    end
    total = total + n
    if total > MAX_JOBS then
        return redis.error_reply('ERR STINT_ARGUMENTS enqueue: more than 1000 jobs in one call')
    end
    local due_ms
    if string.sub(due, 1, 1) == '@' then
        due_ms = tonumber(string.sub(due, 2))
    else
        due_ms = tonumber(due)
        due_ms = due_ms and now_ms + due_ms
    end
    if not due_ms or due_ms ~= due_ms or due_ms > 9007199254740991 then
        return redis.error_reply('ERR STINT_ARGUMENTS enqueue: the due time is not a number of ms at argument ' .. at)
    end

    local first, last = at + 4, at + 3 + 2 * n
    local ids, rising, previous = {}, true, ''
    for i = first, last, 2 do
        local id = ARGV[i]
        ids[#ids + 1] = id
        rising = rising and id > previous
        previous = id
    end
    local existing = call('HMGET', jobs, unpack(ids))
    local finished = ARGV[at + 2] == '0' and call('ZMSCORE', prefix .. 'done', unpack(ids)) or {}
    local pairs_of = ARGV
    local clean = rising
    for i = 1, n do
        if existing[i] or finished[i] or seen[ids[i]] then
            clean = false
            break
        end
    end
    if clean then
        -- A later group of this call may bring one of them again.
        if ARGV[last + 1] then
            for i = 1, n do
                seen[ids[i]] = true
            end
        end
    else
        -- Some exist, or one may stand twice in this call: keep the first of each that is new.
        pairs_of, first, last = {}, 1, 0
        local kept = {}
        for i = 1, n do
            local id = ids[i]
            if existing[i] or finished[i] or seen[id] then
                replies[#replies + 1] = id
                replies[#replies + 1] = (existing[i] or finished[i]) and state_of(prefix, id) or 'enqueued'
            else
                seen[id] = true
                kept[#kept + 1] = id
                pairs_of[last + 1], pairs_of[last + 2] = id, ARGV[at + 3 + 2 * i]
                last = last + 2
            end
        end
        ids = kept
    end
    groups[#groups + 1] = { due_ms, priority, ids, pairs_of, first, last }
    at = at + 4 + 2 * n
end

-- Second pass, writes.
local accepted, wake = 0, false
for _, group in ipairs(groups) do
    local due_ms, priority, ids, pairs_of, first, last = unpack(group)
    if #ids > 0 then
        accepted = accepted + call('HSET', jobs, unpack(pairs_of, first, last))
        if due_ms <= now_ms then
            append_ready(prefix .. 'ready', priority, now_us, ids, 1, #ids, 1)
            wake = true
        else
            local scheduled = prefix .. 'scheduled'
            local text, args = string.format('%.0f', due_ms), {}
            for i = 1, #ids do
                args[2 * i - 1], args[2 * i] = text, ids[i]
            end
            call('ZADD', scheduled, unpack(args))
            -- Idle nodes sleep until the first due time they know: tell one of them of an earlier one.
            local head = call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
            wake = wake or tonumber(head[2]) >= due_ms
        end
    end
end
if accepted > 0 then
    call('HINCRBY', prefix .. 'meta', 'enqueued_total', accepted)
    if wake then
        mark(prefix)
    end
end
replies[1] = accepted
return replies
