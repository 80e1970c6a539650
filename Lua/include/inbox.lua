-- A node blocks on its inbox. A message only makes it look sooner at what it would look at anyway, so the list is short and
-- may be lost: it decays, as the only key that does, when nobody reads it.
local INBOX_LENGTH, INBOX_SECONDS = 100, '60'

-- Leave a message for a node that is in the register. Returns whether it is.
local function leave_message(prefix, consumer, message)
    if not redis.call('ZSCORE', prefix .. 'nodes', consumer) then
        return false
    end
    local inbox = prefix .. 'inbox:' .. consumer
    if redis.call('LLEN', inbox) < INBOX_LENGTH then
        redis.call('LPUSH', inbox, message)
        redis.call('EXPIRE', inbox, INBOX_SECONDS)
    end
    return true
end
