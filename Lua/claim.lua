#!lua flags=allow-oom
--[[
  claim.lua: lease the next ready jobs to one consumer.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  lease, ms; a job's own lease (option `l` of its record) goes before it
  ARGV[3]  limit, 1..1000

  Returns  {token, more, due in, lapse in, server µs, ids, records, tries}
           token: one fencing token for all jobs of this claim, as a string; '0' when nothing was claimed, '-1' when the
           queue is paused
           more: 1 = ready jobs stayed behind, and a mark for another node with them; 0 = these were all
           due in: µs until this consumer has to see to the next scheduled job, 0 = due jobs stayed behind; -1 = none is
           scheduled, or another consumer was told of the moment
           lapse in: µs until the next lease runs out, -1 = none is leased, or more = 1: then there is no time to wait
           ids, records: in the order in which they are to be run
           tries: empty, or for each job false or its `tries`
  A claim brings fewer jobs than its limit when their records together exceed 8 MiB: a reply has to arrive within the
  lease.
  Invariant  token > every token given before in this queue. An id leaves `ready` in the same script that leases it.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "record"
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
local ready, scheduled = prefix .. 'ready', prefix .. 'scheduled'
local leased, leases = prefix .. 'leased', prefix .. 'leases'

local meta = call('HMGET', prefix .. 'meta', 'paused', 'token', 'extras', 'settings')
if meta[1] == '1' then
    return { '-1', 0, -1, first_in(leased, 1, now_us), now_us, {}, {}, {} }
end
local due_in, due, quarantined = first_in(scheduled, 1000, now_us), nil, nil
if due_in == 0 then
    --- @include "order"
    --- @include "due"
    local _
    _, due = promote_due(prefix, now_us, now_ms, math.max(limit, PROMOTE_AT_LEAST))
    due_in = first_in(scheduled, 1000, now_us)
end
local alarm_in = due_in
if due_in >= 0 then
    --- @include "alarm"
    alarm_in = alarm_for(prefix, consumer, due_in, now_us)
end
-- One more than asked for tells whether any stay behind.
local ids = call('ZRANGE', ready, '0', limit == 1 and '1' or format('%d', limit))
local more = #ids > limit
if more then
    ids[#ids] = nil
end
if #ids == 0 then
    return { '0', 0, alarm_in, first_in(leased, 1, now_us), now_us, {}, {}, {} }
end

local records = call('HMGET', prefix .. 'jobs', unpack(ids))
local token = format('%d', math.max((tonumber(meta[2]) or 0) + 1, now_us))
local lease = token .. ':' .. consumer
call('HSET', prefix .. 'meta', 'token', token)
local byte, taken = string.byte, #ids
-- Of each length of a lease, when it ends.
local deadlines = {}
local entries, n, bytes, orphans = {}, 0, 0, nil
for i = 1, taken do
    local id, record = ids[i], records[i]
    if record then
        bytes = bytes + #record
        if bytes > MAX_BYTES and i > 1 then
            for k = taken, i, -1 do
                ids[k], records[k] = nil, nil
            end
            taken, more = i - 1, true
            break
        end
        local length_ms = lease_ms
        if byte(record) == 74 then
            local own_ms = record_option(record, 'l')
            if own_ms and own_ms > 0 and own_ms <= MAX_LEASE_MS then
                length_ms = own_ms
            end
        end
        local deadline = deadlines[length_ms]
        if not deadline then
            deadline = draw_deadline(leases, now_us + length_ms * 1000, lease)
            deadlines[length_ms] = deadline
        end
        entries[n + 1], entries[n + 2] = deadline, id
        n = n + 2
    else
        orphans = orphans or {}
        orphans[#orphans + 1] = i
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
if orphans then
    --- @include "tries"
    --- @include "finish"
    -- An id without a record can never run: quarantine it where people look, never hand it out, never loop on it.
    quarantined = {}
    for k = #orphans, 1, -1 do
        local i = orphans[k]
        quarantined[#quarantined + 1] = ids[i]
        write_tries(prefix, ids[i], 0, 0, now_ms, 'quarantined: the record is missing')
        bury(prefix, ids[i], now_ms)
        table.remove(ids, i)
        table.remove(records, i)
    end
end
call('ZREMRANGEBYRANK', ready, '0', taken == 1 and '0' or format('%d', taken - 1))

local tries = {}
if #ids > 0 and meta[3] then
    tries = call('HMGET', prefix .. 'tries', unpack(ids))
end
if meta[4] then
    --- @include "events"
    if due and #due > 0 then
        tell(prefix, meta[4], 'due', 'ready', due)
    end
    if #ids > 0 then
        tell(prefix, meta[4], 'claimed', 'leased', ids, consumer, token)
    end
    if quarantined then
        tell(prefix, meta[4], 'dead', 'dead', quarantined, consumer, nil, 'quarantined: the record is missing')
    end
end
-- Due jobs that stay in `scheduled` are ready ones too: whoever is woken promotes them.
if more or due_in == 0 then
    mark(prefix)
    return { token, 1, alarm_in, -1, now_us, ids, records, tries }
end
return { token, 0, alarm_in, first_in(leased, 1, now_us), now_us, ids, records, tries }
