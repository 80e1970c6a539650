-- Microseconds until the first member of a time index, 0 if its time has come, -1 if there is none. Microseconds, so
-- that who waits for that moment is not up to a millisecond late. `unit_us`: of its scores.
local function first_in(key, unit_us, now_us)
    local head = redis.call('ZRANGE', key, '0', '0', 'WITHSCORES')
    if not head[2] then
        return -1
    end
    return math.max(0, tonumber(head[2]) * unit_us - now_us)
end
