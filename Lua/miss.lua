#!lua flags=allow-oom
--[[
  miss.lua: note that nodes' connections are gone, and tell for how long they have been.

  KEYS[1]  the registers' prefix, `stint:{*}:`; all keys are built from it and share its hash tag
  ARGV     consumer ID, session, again and again: whose connection is not among those of the server

  Returns  for each, in order: ms since it was missed first, 0 = just now; -1 = the node has another session, or
           has left
  Invariant  A time counts for one session only: a node that has come back with a new one starts anew.
  Cost     O(n).
]]
--- @include "clock"
--- @include "limits"

local call = redis.call
local prefix = KEYS[1]
local watch, sessions = prefix .. 'watch', prefix .. 'sessions'
if #ARGV < 2 or #ARGV % 2 == 1 or #ARGV > 2 * MAX_JOBS then
    return redis.error_reply('ERR STINT_ARGUMENTS miss: consumer and session, 1000 times at most')
end
local replies = {}
for i = 1, #ARGV, 2 do
    local consumer, session = ARGV[i], ARGV[i + 1]
    local age = -1
    if call('HGET', sessions, consumer) == session then
        local at, missed = string.match(call('HGET', watch, consumer) or '', '^(%d+) (.*)$')
        age = missed == session and now_ms - tonumber(at) or -1
        if age < 0 then
            call('HSET', watch, consumer, string.format('%d ', now_ms) .. session)
            age = 0
        end
    end
    replies[#replies + 1] = age
end
return replies
