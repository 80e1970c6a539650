#!lua flags=allow-oom
--[[
  nudge.lua: make nodes look now at what they would look at soon. Nothing depends on it.

  KEYS[1]  the registers' prefix, `stint:{*}:`; all keys are built from it and share its hash tag
  ARGV[1]  message: `extend <queue>` = extend the leases of that queue, and so hear of cancels; `beat` = beat, and so hear
           of orders
  ARGV     consumer ID 1 … consumer ID n, n = 1..1000

  Returns  how many of them are in the register.
  Cost     O(n log N).
]]
--- @include "limits"
--- @include "inbox"

local prefix, message, n = KEYS[1], ARGV[1], #ARGV - 1
if n < 1 or n > MAX_JOBS or message == '' then
    return redis.error_reply('ERR STINT_ARGUMENTS nudge: a message, then 1..1000 consumer IDs')
end
local known = 0
for i = 1, n do
    if leave_message(prefix, ARGV[i + 1], message) then
        known = known + 1
    end
end
return known
