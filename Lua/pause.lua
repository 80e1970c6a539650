#!lua flags=allow-oom
--[[
  pause.lua: stop or start the claims of a queue. Enqueueing, settling and reaping go on.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  1 = pause, 0 = resume

  Returns  1 when that changed something, else 0.
  Cost     O(1).
]]
--- @include "mark"

local call = redis.call
local prefix, wanted = KEYS[1], ARGV[1] == '1'
local meta = prefix .. 'meta'
local paused = call('HGET', meta, 'paused') == '1'
if wanted == paused then
    return 0
end
if wanted then
    call('HSET', meta, 'paused', '1')
else
    -- Who was told of the next due time has been told meanwhile that it need not see to it.
    call('HDEL', meta, 'paused', 'alarm')
    mark(prefix)
end
local settings = call('HGET', meta, 'settings')
if settings then
    --- @include "events"
    tell(prefix, settings, wanted and 'paused' or 'resumed', '', {})
end
return 1
