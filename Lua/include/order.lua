-- The order of `ready`: bands by priority (higher runs sooner), inside a band by when a job became ready.
-- score = (100 - priority) * 2^45 + server time in ticks of 125 us. 201 bands of 2^45 stay below 2^53, the last integer
-- that a ZSET score holds exactly; 2^45 ticks last until the year 2109.
-- Equal scores are ordered by id, which is right for ids that rise (ours do); where an id does not rise the score does,
-- so the order inside a band is exactly the order of arrival, whatever the ids.
local BAND = 35184372088832

-- Redis orders ids by their bytes, Lua by the locale that the server was started in: only where both agree does `<`
-- tell whether an id rises. Elsewhere the score rises with every job.
local compares_bytes = 'B' < 'a'

local function band_end(ready, priority, command)
    local band = (100 - priority) * BAND
    local low, high = string.format('%.0f', band), string.format('(%.0f', band + BAND)
    if command == 'ZREVRANGEBYSCORE' then
        low, high = high, low
    end
    local entry = redis.call(command, ready, low, high, 'WITHSCORES', 'LIMIT', 0, 1)
    return entry[1], tonumber(entry[2]), band
end

-- Append list[first], list[first + step], … up to list[last], which share a priority, at the end of their band.
local function append_ready(ready, priority, now_us, list, first, last, step)
    local previous, tail, band = band_end(ready, priority, 'ZREVRANGEBYSCORE')
    local score = band + math.floor(now_us / 125)
    if tail and tail >= score then
        score = tail
    else
        previous = ''
    end
    local text = string.format('%.0f', score)
    local args, n = {}, 0
    for i = first, last, step do
        local id = list[i]
        if previous ~= '' and not (compares_bytes and id > previous) then
            score = score + 1
            text = string.format('%.0f', score)
        end
        previous = id
        args[n + 1], args[n + 2] = text, id
        n = n + 2
    end
    return redis.call('ZADD', ready, unpack(args, 1, n))
end

-- Put one job before all others of its band: where a released or lapsed job belongs, it has waited already.
local function prepend_ready(ready, priority, now_us, id)
    local _, head, band = band_end(ready, priority, 'ZRANGEBYSCORE')
    local score = math.min(head or math.huge, band + math.floor(now_us / 125)) - 1
    redis.call('ZADD', ready, string.format('%.0f', score), id)
end
