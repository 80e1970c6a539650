#!lua flags=allow-oom
--[[
  claim.lua: lease the next ready jobs to one consumer.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  lease, ms; a job's own lease (option `l` of its record) goes before it
  ARGV[3]  limit, 1..1000
  ARGV[4]  optional: claim only jobs of the types that follow, and look at those from this rank of `ready` on; 0 = from
           the first
  ARGV     type 1 … type n, n = 1..1000

  Returns  {token, more, due in, lapse in, server µs, ids, records, tries}
           token: one fencing token for all jobs of this claim, as a string; '0' when nothing was claimed, '-1' when the
           queue is paused
           more: 1 = ready jobs stayed behind, and a mark for another node with them; 0 = these were all
           due in: µs until this consumer has to see to the next scheduled job, 0 = due jobs stayed behind; -1 = none is
           scheduled, or another consumer was told of the moment
           lapse in: µs until the next lease runs out, -1 = none is leased, or more = 1: then there is no time to wait
           ids, records: in the order in which they are to be run
           tries: empty, or for each job false or its `tries`
           with types two more: skipped, next: how many jobs of other types were looked at and left where they are; the
           rank to look from with the next claim, 0 = these were all. more = 1 then says that some were not looked at,
           and there is no mark when nothing was claimed: nodes that do not know a type must not wake each other
  A claim brings fewer jobs than its limit when their records together exceed 8 MiB: a reply has to arrive within the
  lease; and when it meets jobs that were to be started before now (option `b`), which it buries.
  Invariant  token > every token given before in this queue. An id leaves `ready` in the same script that leases it.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "record"
--- @include "settings"
--- @include "first"
--- @include "deadline"

-- The most bytes of records in one claim, of at least one job.
local MAX_BYTES = 8388608
-- A claim of few jobs makes more than these ready, so that among due jobs the order of `ready` decides, not the due
-- time.
local PROMOTE_AT_LEAST = 200

local call = redis.call
local prefix = KEYS[1]
local consumer, lease_ms, limit = ARGV[1], tonumber(ARGV[2]), checked_limit(ARGV[3])
local format = string.format
if not (lease_ms and limit and lease_ms >= 1 and lease_ms <= MAX_LEASE_MS) or consumer == '' then
    return redis.error_reply('ERR STINT_ARGUMENTS claim: consumer, lease in ms, limit 1..1000')
end
local from = ARGV[4] and (tonumber(ARGV[4]) or -1)
if from and (from < 0 or from ~= math.floor(from) or from > MAX_MS or #ARGV < 5 or #ARGV > MAX_JOBS + 4) then
    return redis.error_reply('ERR STINT_ARGUMENTS claim: a rank, then 1..1000 types')
end
local ready, scheduled = prefix .. 'ready', prefix .. 'scheduled'
local leased, leases = prefix .. 'leased', prefix .. 'leases'

local meta = call('HMGET', prefix .. 'meta', 'paused', 'token', 'extras', 'settings')
if meta[1] == '1' then
    return { '-1', 0, -1, first_in(leased, 1, now_us), now_us, {}, {}, {}, 0, 0 }
end
-- Tells of events, where somebody wants them told.
local announce
if meta[4] then
    --- @include "events"
    announce = tell
end
local due_in = first_in(scheduled, 1000, now_us)
if due_in == 0 then
    --- @include "order"
    --- @include "due"
    local _, due = promote_due(prefix, queue_order(meta[4]), math.max(limit, PROMOTE_AT_LEAST))
    due_in = first_in(scheduled, 1000, now_us)
    if announce and #due > 0 then
        announce(prefix, meta[4], 'due', 'ready', due)
    end
end
local alarm_in = due_in
if due_in >= 0 then
    --- @include "alarm"
    alarm_in = alarm_for(prefix, consumer, due_in, now_us)
end
local settings = meta[4] and ';' .. meta[4]
-- `drawn`: what is claimed, where that is not the head of `ready`.
local ids, records, more, drawn, skipped, next_from
if from then
    --- @include "choose"
    ids, records, more, skipped = choose_known(prefix, limit, from)
    next_from = more and format('%d', from + skipped) or '0'
    if #ids == 0 then
        return { '0', more and 1 or 0, alarm_in, more and -1 or first_in(leased, 1, now_us), now_us, {}, {}, {},
            skipped, next_from }
    end
    drawn = { unpack(ids) }
elseif settings and string.find(settings, ';order=random;', 1, true) then
    --- @include "draw"
    ids, more = draw_ready(ready, limit)
    drawn = { unpack(ids) }
else
    -- One more than asked for tells whether any stay behind.
    ids = call('ZRANGE', ready, '0', limit == 1 and '1' or format('%d', limit))
    more = #ids > limit
    if more then
        ids[#ids] = nil
    end
end
if not from then
    if #ids == 0 then
        return { '0', 0, alarm_in, first_in(leased, 1, now_us), now_us, {}, {}, {} }
    end
    records = call('HMGET', prefix .. 'jobs', unpack(ids))
end

local token = format('%d', math.max((tonumber(meta[2]) or 0) + 1, now_us))
local lease = token .. ':' .. consumer
call('HSET', prefix .. 'meta', 'token', token)
local byte, taken = string.byte, #ids
-- Of each length of a lease, when it ends.
local deadlines = {}
-- `aside`: where the ids stand that are not handed out. `started`: ids that hold their unique key until now.
local entries, n, bytes, aside, started = {}, 0, 0, nil, nil
for i = 1, taken do
    local id, record = ids[i], records[i]
    if record then
        bytes = bytes + #record
        if bytes > MAX_BYTES and i > 1 then
            for k = taken, i, -1 do
                ids[k], records[k] = nil, nil
            end
            taken, more = i - 1, true
            next_from = from and format('%d', from)
            break
        end
        local length_ms = lease_ms
        if byte(record) == 74 then
            local own_ms = record_option(record, 'l')
            if own_ms and own_ms > 0 and own_ms <= MAX_LEASE_MS then
                length_ms = own_ms
            end
            local start_by_ms = record_option(record, 'b')
            if start_by_ms and start_by_ms < now_ms then
                length_ms = nil
            elseif string.find(record, '^J[^\n]-;u=s') then
                started = started or {}
                started[#started + 1] = id
            end
        end
        if length_ms then
            local deadline = deadlines[length_ms]
            if not deadline then
                deadline = draw_deadline(leases, now_us + length_ms * 1000, lease)
                deadlines[length_ms] = deadline
            end
            entries[n + 1], entries[n + 2] = deadline, id
            n = n + 2
        else
            aside = aside or {}
            aside[#aside + 1] = i
        end
    else
        aside = aside or {}
        aside[#aside + 1] = i
    end
end

if n > 0 then
    call('ZADD', leased, unpack(entries, 1, n))
    if now_us % 64 < taken then
        --- @include "wide"
        widen_hash(leases)
        widen_zset(leased)
    end
end
local expired, quarantined
if aside or started then
    --- @include "tries"
    --- @include "finish"
    --- @include "aside"
    if started then
        free_keys(prefix, started)
        call('HDEL', prefix .. 'unique_of', unpack(started))
    end
    expired, quarantined = bury_aside(prefix, aside or {}, ids, records)
end
if settings and n > 0 and string.find(settings, ';order=aged:', 1, true) then
    --- @include "places"
    keep_places(prefix, ids)
end
if drawn then
    call('ZREM', ready, unpack(drawn, 1, taken))
else
    call('ZREMRANGEBYRANK', ready, '0', taken == 1 and '0' or format('%d', taken - 1))
end

local tries = {}
if #ids > 0 and meta[3] then
    tries = call('HMGET', prefix .. 'tries', unpack(ids))
end
if announce then
    if #ids > 0 then
        announce(prefix, meta[4], 'claimed', 'leased', ids, consumer, token)
    end
    if expired and #expired > 0 then
        announce(prefix, meta[4], 'dead', 'dead', expired, consumer, nil, 'expired')
    end
    if quarantined and #quarantined > 0 then
        announce(prefix, meta[4], 'dead', 'dead', quarantined, consumer, nil, 'quarantined: the record is missing')
    end
end
-- Due jobs that stay in `scheduled` are ready ones too: whoever is woken promotes them.
if more or due_in == 0 then
    mark(prefix)
    return { token, 1, alarm_in, -1, now_us, ids, records, tries, skipped, next_from }
end
return { token, 0, alarm_in, first_in(leased, 1, now_us), now_us, ids, records, tries, skipped, next_from }
