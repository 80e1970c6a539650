-- Leave one wake-up mark for the queue's idle nodes. Idle nodes block on this list; one mark wakes one of them, and
-- whoever claims and leaves ready jobs behind marks again. One waiting mark is enough: nobody is idle while it waits.
local function mark(prefix)
    local wake = prefix .. 'wake'
    if redis.call('LLEN', wake) == 0 then
        redis.call('LPUSH', wake, '1')
    end
end
