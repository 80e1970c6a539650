#!lua
--[[
  note.lua: keep something about running jobs for as long as they live: how far they are, and what their next run needs.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID
  ARGV     for each of 1..1000 notes: id, token, what (`progress` or `checkpoints`), value: any bytes

  Returns  {code, code, …}, one for each: 1 = kept, in the place of the last one; 0 = gone, nobody holds the job;
           -1 = not yours any more
  Refused by Redis before any write when it is out of memory.
  Cost     O(n log L), L = jobs that are leased, and the size of the values.
]]
--- @include "clock"
--- @include "limits"
--- @include "lease"
--- @include "extras"

local FIELDS, KEPT = 4, 1
local NOTES = { progress = true, checkpoints = true }

local call = redis.call
local prefix, consumer = KEYS[1], ARGV[1]
local n = (#ARGV - 1) / FIELDS
if n < 1 or n > MAX_JOBS or n % 1 ~= 0 then
    return redis.error_reply('ERR STINT_ARGUMENTS note: consumer, then four for each of 1..1000 notes')
end
for i = 4, #ARGV, FIELDS do
    if not NOTES[ARGV[i]] then
        return redis.error_reply('ERR STINT_ARGUMENTS note: progress or checkpoints, at argument ' .. i)
    end
end

local codes, advanced = {}, {}
for at = 2, #ARGV, FIELDS do
    local id, token, what, value = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local refused = {}
    split_held(prefix, { id }, token, consumer, refused)
    if refused[2] then
        codes[#codes + 1] = refused[2]
    else
        note_extras(prefix, what)
        call('HSET', prefix .. what, id, what == 'progress' and string.format('%d ', now_ms) .. value or value)
        codes[#codes + 1] = KEPT
        if what == 'progress' then
            advanced[#advanced + 1] = at
        end
    end
end
local settings = #advanced > 0 and call('HGET', prefix .. 'meta', 'settings')
if settings then
    --- @include "events"
    for _, at in ipairs(advanced) do
        tell(prefix, settings, 'progress', '', { ARGV[at] }, consumer, ARGV[at + 1], ARGV[at + 3])
    end
end
return codes
