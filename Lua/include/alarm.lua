-- Whose alarm rings when the next scheduled job is due. One node is told of that moment, a second one of half a second
-- later, in case the first has died, and the others of nothing: a hundred idle nodes must not all claim at once.
-- The field `alarm` of `meta`: "<due ms> <first consumer> <s since 1970> <second consumer> <s since 1970>", with when
-- each of them asked last.
local STAND_IN_US = 500000
-- Who has not asked for three polls may be dead.
local RELIED_ON_S, REFRESH_S = 15, 4

-- The time until this consumer has to see to the queue, µs; -1 = another one does. `due_in` is the true one.
local function alarm_for(prefix, consumer, due_in, now_us)
    if due_in < 0 then
        return due_in
    end
    local alarm = redis.call('HGET', prefix .. 'meta', 'alarm')
    local now_s = math.floor(now_us / 1000000)
    local due, first, first_s, second, second_s =
        string.match(alarm or '', '^(%d+) (%S+) (%d+) ?(%S*) ?(%d*)$')
    local first_age, second_age = now_s - (tonumber(first_s) or 0), now_s - (tonumber(second_s) or 0)
    -- Below zero when the server's clock went back: then nobody knows when they asked.
    if first_age < 0 or second_age < 0 then
        first_age = RELIED_ON_S + 1
    end
    local head = string.format('%d', math.floor((now_us + due_in) / 1000))
    local told = due_in
    local text
    if due_in == 0 then
        -- A backlog: who has begun to work it off goes on.
        if first and first ~= consumer and first_age <= 1 then
            return -1
        end
        text = (first ~= consumer or first_age > 0) and head .. ' ' .. consumer .. ' ' .. now_s
    elseif due ~= head or first_age > RELIED_ON_S then
        text = head .. ' ' .. consumer .. ' ' .. now_s
    elseif first == consumer then
        text = first_age > REFRESH_S and string.format('%s %s %d %s %s', head, first, now_s, second, second_s)
    elseif second == '' or second == consumer or second_age > RELIED_ON_S then
        told = due_in + STAND_IN_US
        text = (second ~= consumer or second_age > REFRESH_S)
            and string.format('%s %s %s %s %d', head, first, first_s, consumer, now_s)
    else
        return -1
    end
    if text then
        redis.call('HSET', prefix .. 'meta', 'alarm', text)
    end
    return told
end
