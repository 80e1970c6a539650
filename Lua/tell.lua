#!lua flags=allow-oom
--[[
  tell.lua: tell nodes to be quiet, to stop, or to go on. They are nudged, and hear of it by their next beat at the latest.

  KEYS[1]  the registers' prefix, `stint:{*}:`; all keys are built from it and share its hash tag
  ARGV[1]  `quiet` = claim nothing more, and finish what runs; `stop` = as a SIGTERM; `resume` = an end of being quiet
  ARGV     consumer ID 1 … consumer ID n, n = 1..1000

  Returns  {answer, answer, …}, one for each consumer ID: 1 = it is in the register, 0 = it is not, nothing was written.
           A node that was told to stop is not told anything else any more.
  Cost     O(n log N).
]]
--- @include "limits"
--- @include "inbox"

local call = redis.call
local prefix, order, n = KEYS[1], ARGV[1], #ARGV - 1
if n < 1 or n > MAX_JOBS or not (order == 'quiet' or order == 'stop' or order == 'resume') then
    return redis.error_reply('ERR STINT_ARGUMENTS tell: quiet, stop or resume, then 1..1000 consumer IDs')
end
local orders = prefix .. 'orders'
local replies = {}
for i = 1, n do
    local consumer = ARGV[i + 1]
    local is_known = leave_message(prefix, consumer, 'beat')
    if is_known and call('HGET', orders, consumer) ~= 'stop' then
        if order == 'resume' then
            call('HDEL', orders, consumer)
        else
            call('HSET', orders, consumer, order)
        end
    end
    replies[i] = is_known and 1 or 0
end
return replies
