#!lua flags=allow-oom
--[[
  ack.lua: settle jobs as done.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV     groups: token, n, id 1 … id n

  Returns  {acked, id, code, id, code, …}: how many were acked, then every refused id with its code:
           0 = gone (settled already: success for who repeats an ack whose reply was lost),
           -1 = not yours any more (another token or consumer holds the lease).
  A lease that is past its deadline but was not reaped yet is still held: its ack is accepted.
  Writes   `done` first, then out of `leased`, then the record: a prefix leaves a finished job that fsck cleans up.
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "lease"
--- @include "groups"

-- Finished ids are remembered, so that an enqueue which is repeated after a lost reply is recognised.
local MAX_DONE = 100000

local call = redis.call
local prefix, consumer = KEYS[1], ARGV[1]
local done, now = prefix .. 'done', string.format('%.0f', now_ms)
local tries, cancels = prefix .. 'tries', prefix .. 'cancels'
local replies, acked, at = { 0 }, 0, 2
local groups = {}
while ARGV[at] do
    local token, ids, next_at = ARGV[at], group_ids(at + 1)
    if not ids then
        return redis.error_reply(next_at)
    end
    groups[#groups + 1] = split_held(prefix, ids, token, consumer, replies)
    at = next_at
end

for _, held in ipairs(groups) do
    local n = #held
    if n > 0 then
        local entries = {}
        for i = 1, n do
            entries[2 * i - 1], entries[2 * i] = now, held[i]
        end
        call('ZADD', done, unpack(entries))
        acked = acked + call('ZREM', prefix .. 'leased', unpack(held))
        call('HDEL', prefix .. 'leases', unpack(held))
        call('HDEL', prefix .. 'jobs', unpack(held))
        if call('EXISTS', tries, cancels) > 0 then
            call('HDEL', tries, unpack(held))
            call('HDEL', cancels, unpack(held))
        end
    end
end
if acked > 0 then
    local total = call('HINCRBY', prefix .. 'meta', 'acked_total', acked)
    -- Looked at about once in a hundred jobs; what went over the bound meanwhile goes at once.
    if total % 100 < acked then
        local excess = call('ZCARD', done) - MAX_DONE
        if excess > 0 then
            call('ZREMRANGEBYRANK', done, 0, math.min(excess, MAX_JOBS) - 1)
        end
    end
end
replies[1] = acked
return replies
