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
  Cost     O(n log L), L = jobs that are leased.
]]
--- @include "limits"
--- @include "lease"
--- @include "groups"
--- @include "way_out"

local call = redis.call
local prefix, consumer = KEYS[1], ARGV[1]
local done = prefix .. 'done'
local replies, acked, at = { 0 }, 0, 2
local groups = {}
while ARGV[at] do
    local token, ids, next_at = ARGV[at], group_ids(at + 1)
    if not ids then
        return redis.error_reply(next_at)
    end
    groups[#groups + 1] = { split_held(prefix, ids, token, consumer, replies) }
    at = next_at
end

local extras, settings
for i = 1, #groups do
    local held = groups[i][1]
    if #held > 0 then
        call('SADD', done, unpack(held))
        acked = acked + end_leases(prefix, held, groups[i][2], groups[i][3])
        call('HDEL', prefix .. 'jobs', unpack(held))
        if extras == nil then
            local meta = call('HMGET', prefix .. 'meta', 'extras', 'settings')
            extras, settings = meta[1], meta[2]
        end
        if extras then
            --- @include "extras"
            drop_extras(prefix, extras, held)
        end
    end
end
if acked > 0 then
    local total = call('HINCRBY', prefix .. 'meta', 'acked_total', acked == 1 and '1' or string.format('%d', acked))
    -- Looked at about once in a hundred jobs.
    if total % 100 < acked then
        --- @include "done"
        if call('SCARD', done) >= MAX_DONE then
            rotate_done(prefix)
        end
    end
    if settings then
        --- @include "events"
        at = 2
        for i = 1, #groups do
            for _, id in ipairs(groups[i][1]) do
                add('acked', 'done', id, consumer, ARGV[at])
            end
            at = at + 2 + tonumber(ARGV[at + 1])
        end
        tell_all(prefix, settings)
    end
end
replies[1] = acked
return replies
