#!lua flags=allow-oom
--[[
  watch.lua: ask for the turn to look at the nodes' connections. Many ask, one in a while gets it.

  KEYS[1]  the registers' prefix, `stint:{*}:`; all keys are built from it and share its hash tag
  ARGV[1]  consumer ID of who asks
  ARGV[2]  how long after the last look there is no other, ms

  Returns  {server ms, since, by, consumer, session, consumer, session, …}
           since: ms since the look before this one, -1 = there was none
           by: consumer ID of who had that one, '' = there was none
           sessions: only for who has the turn, which is when since is -1, or not below ARGV[2]; of more than 1,000
           some 1,000, others each time
  Cost     O(sessions).
]]
--- @include "clock"
--- @include "limits"

local call = redis.call
local prefix, consumer, gap_ms = KEYS[1], ARGV[1], tonumber(ARGV[2])
if not (consumer and gap_ms) then
    return redis.error_reply('ERR STINT_ARGUMENTS watch: consumer, ms between looks')
end
local watch = prefix .. 'watch'
local at, by = string.match(call('HGET', watch, '*') or '', '^(%d+) (.+)$')
local since = at and now_ms - tonumber(at) or -1
local replies = { string.format('%d', now_ms), since, by or '' }
-- Below zero also when the server's clock went back.
if since >= 0 and since < gap_ms then
    return replies
end
call('HSET', watch, '*', string.format('%d ', now_ms) .. consumer)
local sessions = call('HRANDFIELD', prefix .. 'sessions', MAX_JOBS, 'WITHVALUES')
for i = 1, #sessions do
    replies[3 + i] = sessions[i]
end
return replies
