#!lua flags=allow-oom
--[[
  extend.lua: move the deadlines of leases that one still holds. The heartbeat.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV     groups: token, lease ms, n, id 1 … id n

  Returns  {refused, cancels}
           refused: {id, code, id, code, …} of the leases that were not extended: 0 = gone, -1 = not yours any more
           cancels: {id, reason, id, reason, …} of the extended jobs that somebody wants cancelled
  Cost     O(n log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "lease"
--- @include "groups"
--- @include "deadline"
--- @include "unused"

local call = redis.call
local prefix, consumer = KEYS[1], ARGV[1]
local refused, groups, at = {}, {}, 2
while ARGV[at] do
    local token, lease_ms = ARGV[at], tonumber(ARGV[at + 1])
    local ids, next_at = group_ids(at + 2)
    if not ids then
        return redis.error_reply(next_at)
    end
    if not (lease_ms and lease_ms >= 1 and lease_ms <= MAX_LEASE_MS) then
        return redis.error_reply('ERR STINT_ARGUMENTS extend: the lease is a number of ms, at argument ' .. at + 1)
    end
    local held, deadlines = split_held(prefix, ids, token, consumer, refused)
    groups[#groups + 1] = { held, deadlines, now_us + lease_ms * 1000, token .. ':' .. consumer }
    at = next_at
end

local cancels, ends = {}, {}
local cancels_wanted = call('EXISTS', prefix .. 'cancels') == 1
for _, group in ipairs(groups) do
    local held = group[1]
    if #held > 0 then
        local deadline = draw_deadline(prefix .. 'leases', group[3], group[4])
        local entries = {}
        for i = 1, #held do
            entries[2 * i - 1], entries[2 * i] = deadline, held[i]
        end
        call('ZADD', prefix .. 'leased', unpack(entries))
        for i = 1, #group[2] do
            ends[#ends + 1] = group[2][i]
        end
        -- An id of this group may stand in a later one, too.
        ends[#ends + 1] = #groups > 1 and deadline or nil
        if cancels_wanted then
            local reasons = call('HMGET', prefix .. 'cancels', unpack(held))
            for i = 1, #held do
                if reasons[i] then
                    cancels[#cancels + 1] = held[i]
                    cancels[#cancels + 1] = reasons[i]
                end
            end
        end
    end
end
forget_unused(prefix, ends)
return { refused, cancels }
