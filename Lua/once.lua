#!lua flags=allow-oom
--[[
  once.lua: what a step of a leased job has come to: read it, or note it.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV[2]  id
  ARGV[3]  token
  ARGV[4]  step, 1..128 bytes
  ARGV[5]  optional: what it has come to, to be noted

  Returns  {code, value}, with '' where there is none:
           1 = it has come to this, which was noted now or before: the first note stays
           2 = nothing is noted of it, and there is room for it
           3 = nothing is noted of it, and there is no room: the job has 1,000 steps, or its notes 64 KiB
           0 = gone, -1 = not yours any more: nothing was read or noted
  Cost     O(size of the job's notes).
]]
--- @include "lease"
--- @include "extras"

local MAX_STEPS, MAX_BYTES = 1000, 65536
local NOTED, OPEN, FULL = 1, 2, 3

local call, format = redis.call, string.format
local prefix, consumer, id, token, step, value = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not step or step == '' or #step > 128 then
    return redis.error_reply('ERR STINT_ARGUMENTS once: consumer, id, token, step of 1..128 bytes, value')
end
local deadline = call('ZSCORE', prefix .. 'leased', id)
local lease = deadline and call('HGET', prefix .. 'leases', format('%d', deadline))
if lease ~= token .. ':' .. consumer then
    return { lease and STALE or GONE, '' }
end

-- "<length of the step> <length of its value> <step><value>", again and again.
local notes = call('HGET', prefix .. 'effects', id) or ''
local at, steps = 1, 0
while at <= #notes do
    local _, last, length, size = string.find(notes, '^(%d+) (%d+) ', at)
    if not last then
        break
    end
    local ends = last + length
    if ends + size > #notes then
        break
    end
    if string.sub(notes, last + 1, ends) == step then
        return { NOTED, string.sub(notes, ends + 1, ends + size) }
    end
    at, steps = ends + size + 1, steps + 1
end
-- What is damaged is written over.
local note = format('%d %d ', #step, #(value or '')) .. step .. (value or '')
if steps >= MAX_STEPS or at - 1 + #note > MAX_BYTES then
    return { FULL, '' }
end
if not value then
    return { OPEN, '' }
end
note_extras(prefix, 'effects')
call('HSET', prefix .. 'effects', id, string.sub(notes, 1, at - 1) .. note)
return { NOTED, value }
