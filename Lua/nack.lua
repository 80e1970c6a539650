#!lua flags=allow-oom
--[[
  nack.lua: settle jobs as failed: try again later, or bury.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV     for each job: id, token, verdict, delay ms, max failures, reason
           verdict: `retry`, `reject` (to dead whatever is left) or `cancel` (the handler stopped because of a cancel)
           max failures: the job is buried by the failure that reaches it
           reason: for people; 1,000 bytes of it are kept

  Returns  {code, code, …}, one for each job:
           1 = will be tried again, 2 = dead, 3 = cancelled, 0 = gone, -1 = not yours any more.
           0 and -1 changed nothing.
  A retry that would be due after the end of the job's window (option `n` of its record) buries it instead.
  Writes   history, tries, new index, then out of `leased`: a prefix leaves the job leased or in two indexes, never in
           none.
  Cost     O(n log N), and the size of the records that are tried again.
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "tries"
--- @include "history"
--- @include "lease"
--- @include "way_out"
--- @include "finish"

local FIELDS = 6
local KINDS = { retry = 'failed', reject = 'rejected', cancel = 'cancelled' }
local RETRIED, DEAD, CANCELLED = 1, 2, 3

local call = redis.call
local prefix, consumer = KEYS[1], ARGV[1]
local n = (#ARGV - 1) / FIELDS
if n < 1 or n > MAX_JOBS or n ~= math.floor(n) then
    return redis.error_reply('ERR STINT_ARGUMENTS nack: six arguments for each of 1..1000 jobs')
end
for i = 0, n - 1 do
    local at = 2 + i * FIELDS
    local delay_ms = tonumber(ARGV[at + 3])
    if not delay_ms or delay_ms ~= delay_ms or not tonumber(ARGV[at + 4]) or not KINDS[ARGV[at + 2]] then
        return redis.error_reply('ERR STINT_ARGUMENTS nack: verdict, delay and max failures, at argument ' .. at)
    end
end

local codes, nacked, buried, cancelled, wake, order = {}, 0, 0, 0, false, nil
for i = 0, n - 1 do
    local at = 2 + i * FIELDS
    local id, token, verdict, reason = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 5]
    local delay_ms, max_failures = math.min(tonumber(ARGV[at + 3]), MAX_MS), tonumber(ARGV[at + 4])
    local deadline = call('ZSCORE', prefix .. 'leased', id)
    deadline = deadline and string.format('%d', deadline)
    local lease = deadline and call('HGET', prefix .. 'leases', deadline)
    local code = not lease and GONE or STALE
    if lease == token .. ':' .. consumer then
        local failures, lapses = read_tries(prefix, id)
        if verdict ~= 'cancel' then
            failures = failures + 1
            nacked = nacked + 1
        end
        local kind = string.find(reason, '^timed out ') and verdict == 'retry' and 'timedout' or KINDS[verdict]
        note_attempt(prefix, id, kind, now_ms, lease, reason)
        local unwanted = verdict == 'cancel' or call('HEXISTS', prefix .. 'cancels', id) == 1
        local ends = verdict == 'reject' or failures >= max_failures
        local record = not unwanted and not ends and call('HGET', prefix .. 'jobs', id)
        local until_ms = record_option(record, 'n')
        if until_ms and now_ms + math.max(0, delay_ms) > until_ms then
            ends, reason = true, 'retry window over: ' .. reason
        end
        write_tries(prefix, id, failures, lapses, now_ms, reason)
        if unwanted then
            end_cancelled(prefix, id, now_ms)
            code, cancelled = CANCELLED, cancelled + 1
        elseif ends then
            bury(prefix, id, now_ms)
            code, buried = DEAD, buried + 1
        elseif delay_ms > 0 then
            local scheduled, due_ms = prefix .. 'scheduled', now_ms + delay_ms
            call('ZADD', scheduled, string.format('%d', due_ms), id)
            -- Idle nodes sleep until the first due time they know: tell one of them of an earlier one.
            local head = call('ZRANGE', scheduled, '0', '0', 'WITHSCORES')
            code, wake = RETRIED, wake or tonumber(head[2]) >= due_ms
        else
            order = order or queue_order(call('HGET', prefix .. 'meta', 'settings'))
            append_ready(order, prefix, { id }, { record })
            code, wake = RETRIED, true
        end
        end_leases(prefix, { id }, { deadline })
    end
    codes[i + 1] = code
end
local meta = prefix .. 'meta'
if nacked > 0 then
    call('HINCRBY', meta, 'nacked_total', nacked)
end
if buried > 0 then
    call('HINCRBY', meta, 'dead_total', buried)
end
if cancelled > 0 then
    call('HINCRBY', meta, 'cancelled_total', cancelled)
end
if wake then
    mark(prefix)
end
local settings = call('HGET', meta, 'settings')
if settings then
    --- @include "events"
    local events = { 'failed', 'dead', 'cancelled' }
    for i = 1, n do
        local at, event = 2 + (i - 1) * FIELDS, events[codes[i]]
        if event then
            local to = event == 'failed' and (tonumber(ARGV[at + 3]) > 0 and 'scheduled' or 'ready') or event
            add(event, to, ARGV[at], consumer, ARGV[at + 1], ARGV[at + 5])
        end
    end
    tell_all(prefix, settings)
end
return codes
