--- @include "record"
--- @include "band"

-- Redis orders ids by their bytes, Lua by the locale that the server was started in: only where both agree does `<`
-- tell whether an id rises. Elsewhere the score rises with every job.
local compares_bytes = 'B' < 'a'

local function record_priority(record)
    local priority = record_option(record, 'p') or 0
    return math.max(-100, math.min(100, priority))
end

local function band_end(ready, priority, command)
    local band = (100 - priority) * BAND
    local low, high = string.format('%d', band), string.format('(%d', band + BAND)
    if command == 'ZREVRANGEBYSCORE' then
        low, high = high, low
    end
    local entry = redis.call(command, ready, low, high, 'WITHSCORES', 'LIMIT', '0', '1')
    return entry[1], tonumber(entry[2]), band
end

-- Append ids at the end of their band, in this order, whatever the ids and whatever the clock did.
local function append_ready(ready, priority, now_us, ids, first, last)
    local previous, tail, band = band_end(ready, priority, 'ZREVRANGEBYSCORE')
    local score = band + math.floor(now_us / TICK_US)
    if tail and tail >= score then
        score = tail
    else
        previous = ''
    end
    local text = string.format('%d', score)
    local args, n = {}, 0
    for i = first, last do
        local id = ids[i]
        if previous ~= '' and not (compares_bytes and id > previous) then
            score = score + 1
            text = string.format('%d', score)
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
    local score = math.min(head or math.huge, band + math.floor(now_us / TICK_US)) - 1
    redis.call('ZADD', ready, string.format('%d', score), id)
end
