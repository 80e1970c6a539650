#!lua flags=allow-oom
--[[
  answer.lua: settle jobs as done that have a result to keep.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  how many results of the queue to keep at most
  ARGV[3]  how many bytes of them
  ARGV     for each of 1..1000 jobs: id, token, how long to keep its result in ms, the result: any bytes

  Returns  {acked, id, code, id, code, …}, as ack.lua: how many were acked, then every refused id with its code
  A lease that is past its deadline but was not reaped yet is still held: its answer is accepted.
  Writes   the results first, then as ack.lua: a prefix leaves a result of a job that will be run again, and replaced by
           that run's. Then the ends, for who waits, and at last results that are too old or too many are forgotten.
  Cost     O(n log N), and the size of the results.
]]
--- @include "clock"
--- @include "limits"
--- @include "lease"
--- @include "way_out"
--- @include "ends"
--- @include "results"
--- @include "extras"

local FIELDS = 4

local call = redis.call
local prefix, consumer, keep, keep_bytes = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local n = (#ARGV - 3) / FIELDS
if not (keep and keep_bytes) or n < 1 or n > MAX_JOBS or n % 1 ~= 0 then
    return redis.error_reply('ERR STINT_ARGUMENTS answer: consumer, count, bytes, then four for each of 1..1000 jobs')
end
for i = 6, #ARGV, FIELDS do
    local keep_ms = tonumber(ARGV[i])
    if not (keep_ms and keep_ms >= 0 and keep_ms <= MAX_MS) then
        return redis.error_reply('ERR STINT_ARGUMENTS answer: how long to keep a result is a number of ms, at ' .. i)
    end
end

local replies, seen = { 0 }, {}
local ids, tokens, deadlines, results, expiries = {}, {}, {}, {}, {}
for at = 4, #ARGV, FIELDS do
    local id, token = ARGV[at], ARGV[at + 1]
    local held, ends = split_held(prefix, { id }, token, consumer, replies)
    if #held == 1 and not seen[id] then
        seen[id] = true
        local k = #ids + 1
        ids[k], tokens[k], deadlines[k], results[k] = id, token, ends[1], ARGV[at + 3]
        expiries[k] = string.format('%d', now_ms + tonumber(ARGV[at + 2]))
    end
end

if #ids > 0 then
    local done, meta = prefix .. 'done', prefix .. 'meta'
    keep_results(prefix, ids, results, expiries)
    call('SADD', done, unpack(ids))
    local acked = end_leases(prefix, ids, deadlines, false)
    call('HDEL', prefix .. 'jobs', unpack(ids))
    local fields = call('HMGET', meta, 'extras', 'settings')
    drop_extras(prefix, fields[1], ids)
    tell_ends(prefix, 'done', ids)
    local total = call('HINCRBY', meta, 'acked_total', string.format('%d', acked))
    if total % 100 < acked then
        --- @include "done"
        if call('SCARD', done) >= MAX_DONE then
            rotate_done(prefix)
        end
    end
    if fields[2] then
        --- @include "events"
        for i = 1, #ids do
            add('acked', 'done', ids[i], consumer, tokens[i])
        end
        tell_all(prefix, fields[2])
    end
    trim_results(prefix, now_ms, 2 * #ids + 10, keep, keep_bytes)
    replies[1] = acked
end
return replies
