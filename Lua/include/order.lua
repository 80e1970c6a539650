--- @include "record"
--- @include "band"
--- @include "layout"
--- @include "settings"

-- Redis orders ids by their bytes, Lua by the locale that the server was started in: only where both agree does `<`
-- tell whether an id rises. Elsewhere the score rises with every job.
local compares_bytes = 'B' < 'a'

local function record_priority(record)
    local priority = record_option(record, 'p') or 0
    return math.max(-100, math.min(100, priority))
end

-- An order is a function of a record and of when its job became ready, in ticks. It returns the job's score, and where
-- in the band of that score the job is put: at the `end`, as here, at the `front`, or (nil) exactly there.
local function by_priority(record, ticks)
    return (100 - record_priority(record)) * BAND + ticks, 'end'
end

-- The order of a queue with these settings.
local function queue_order(settings)
    local name = setting(settings, 'order')
    if not name then
        return by_priority
    end
    --- @include "orders"
    return order_named(name)
end

-- The first or the last job in the band of a score, and its score.
local function band_end(ready, score, is_last)
    local band = math.floor(score / BAND) * BAND
    local low, high = string.format('%d', band), string.format('(%d', band + BAND)
    local entry
    if is_last then
        entry = redis.call('ZRANGE', ready, high, low, 'BYSCORE', 'REV', 'LIMIT', '0', '1', 'WITHSCORES')
    else
        entry = redis.call('ZRANGE', ready, low, high, 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
    end
    return entry[1], tonumber(entry[2])
end

-- Append ids at the end of the band of `score`, in this order, whatever the ids and whatever the clock did.
local function append_band(ready, score, ids)
    local previous, tail = band_end(ready, score, true)
    if tail and tail >= score then
        score = tail
    else
        previous = ''
    end
    local text = string.format('%d', score)
    local args, n = {}, 0
    for i = 1, #ids do
        local id = ids[i]
        if previous ~= '' and not (compares_bytes and id > previous) then
            score = score + 1
            text = string.format('%d', score)
        end
        previous = id
        args[n + 1], args[n + 2] = text, id
        n = n + 2
    end
    redis.call('ZADD', ready, unpack(args, 1, n))
end

-- Put one job before all others of the band of `score`.
local function prepend_band(ready, score, id)
    local _, head = band_end(ready, score, false)
    redis.call('ZADD', ready, string.format('%d', math.min(head or math.huge, score) - 1), id)
end

-- Jobs become ready now: each goes where it belongs by the order of its queue, those of one band in this order.
local function append_ready(order, prefix, ids, records)
    local ready, ticks = prefix .. 'ready', math.floor(now_us / TICK_US)
    local scores, lines = {}, {}
    for i = 1, #ids do
        local score, where = order(records[i], ticks)
        if where == 'end' then
            -- All of this call became ready at the same tick: those of a band have the same score.
            local line = lines[score]
            if not line then
                line = {}
                lines[score], scores[#scores + 1] = line, score
            end
            line[#line + 1] = ids[i]
        elseif where then
            prepend_band(ready, score, ids[i])
        else
            redis.call('ZADD', ready, string.format('%d', score), ids[i])
        end
    end
    for i = 1, #scores do
        append_band(ready, scores[i], lines[scores[i]])
    end
end

-- A released or lapsed job comes back to where it was, as it has waited already: before all others of its band, or
-- where its option says. An aged one where it stood when it was claimed, if that is known (claim.lua).
local function prepend_ready(order, prefix, id, record)
    local score, where = order(record, math.floor(now_us / TICK_US))
    if where then
        return prepend_band(prefix .. 'ready', score, id)
    end
    if score >= AGED_BAND * BAND then
        local pair = 2 * BAND
        local place = tonumber(redis.call('HGET', prefix .. 'places', id) or nil)
        if place and math.floor(place / pair) == math.floor(score / pair) then
            score = math.min(place, score)
        end
    end
    redis.call('ZADD', prefix .. 'ready', string.format('%d', score), id)
end
