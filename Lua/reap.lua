#!lua flags=allow-oom
--[[
  reap.lua: requeue jobs whose lease has run out. Every node calls it; it is idempotent and needs no leader.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  limit, 1..1000
  ARGV[2]  max lapses: a job is buried as poison by the lapse that reaches it;
           a job's own limit (option `x`) goes before it
  ARGV[3]  optional: a consumer whose connection was gone; the reasons of its lapses say so

  Returns  {server ms, lapse in, id, lease, outcome, lapses, id, lease, outcome, lapses, …}
           lapse in: µs until the next lease runs out, 0 = more have run out, -1 = none is leased
           lease: "<token>:<consumer ID>" of the holder that lost it
           outcome: 1 = ready again, where it was before; 2 = dead; 3 = cancelled
  Writes   history, tries, new index, then out of `leased`.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "tries"
--- @include "history"
--- @include "holder"
--- @include "unused"
--- @include "finish"
--- @include "first"

local READY, DEAD, CANCELLED = 1, 2, 3

local call = redis.call
local prefix, limit, max_lapses = KEYS[1], checked_limit(ARGV[1]), tonumber(ARGV[2])
if not (limit and max_lapses) then
    return redis.error_reply('ERR STINT_ARGUMENTS reap: limit 1..1000, max lapses')
end
local leased, gone = prefix .. 'leased', ARGV[3]

local replies, ready, buried, cancelled = { string.format('%d', now_ms), -1 }, 0, 0, 0
local lapsed = call('ZRANGEBYSCORE', leased, '-inf', string.format('%d', now_us), 'WITHSCORES', 'LIMIT', '0', limit)
local deadlines, leases, order = {}, {}, nil
-- From the last to the first: each goes before the one that was put back before it.
for i = #lapsed - 1, 1, -2 do
    local id, deadline = lapsed[i], string.format('%d', lapsed[i + 1])
    local lease = leases[deadline]
    if not lease then
        lease = call('HGET', prefix .. 'leases', deadline) or ''
        leases[deadline], deadlines[#deadlines + 1] = lease, deadline
    end
    local record = call('HGET', prefix .. 'jobs', id)
    local failures, lapses = read_tries(prefix, id)
    lapses = lapses + 1
    local holder = lease_holder(lease)
    note_attempt(prefix, id, 'lapsed', now_ms, lease, holder == gone and 'its connection was gone' or '')
    if holder == gone then
        holder = holder .. ', whose connection was gone'
    end
    local outcome
    if not record then
        write_tries(prefix, id, failures, lapses, now_ms, 'quarantined: the record is missing')
        bury(prefix, id, now_ms)
        outcome, buried = DEAD, buried + 1
    elseif call('HEXISTS', prefix .. 'cancels', id) == 1 then
        end_cancelled(prefix, id, now_ms)
        outcome, cancelled = CANCELLED, cancelled + 1
    elseif lapses >= (record_option(record, 'x') or max_lapses) then
        write_tries(prefix, id, failures, lapses, now_ms,
            'poison: its lease ran out ' .. lapses .. ' times, last held by ' .. holder)
        bury(prefix, id, now_ms)
        outcome, buried = DEAD, buried + 1
    else
        write_tries(prefix, id, failures, lapses, now_ms, 'lapsed: held by ' .. holder)
        order = order or queue_order(call('HGET', prefix .. 'meta', 'settings'))
        prepend_ready(order, prefix, id, record)
        outcome, ready = READY, ready + 1
    end
    call('ZREM', leased, id)
    local at = #replies
    replies[at + 1], replies[at + 2], replies[at + 3], replies[at + 4] = id, lease, outcome, lapses
end
if #lapsed > 0 then
    forget_unused(prefix, deadlines)
    local meta = prefix .. 'meta'
    call('HINCRBY', meta, 'lapsed_total', #lapsed / 2)
    if buried > 0 then
        call('HINCRBY', meta, 'dead_total', buried)
    end
    if cancelled > 0 then
        call('HINCRBY', meta, 'cancelled_total', cancelled)
    end
    if ready > 0 then
        mark(prefix)
    end
    local settings = call('HGET', meta, 'settings')
    if settings then
        --- @include "events"
        local events, states = { 'lapsed', 'dead', 'cancelled' }, { 'ready', 'dead', 'cancelled' }
        for i = 3, #replies, 4 do
            local id, lease, outcome = replies[i], replies[i + 1], replies[i + 2]
            add(events[outcome], states[outcome], id, lease_holder(lease), string.match(lease, '^%d*'),
                'its lease ran out')
        end
        tell_all(prefix, settings)
    end
end
replies[2] = first_in(leased, 1, now_us)
return replies
