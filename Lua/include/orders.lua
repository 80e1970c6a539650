-- The orders that a queue may have beside the default, by their names in its settings (`order=…`). All scores are whole
-- and below 216 * 2^45 < 2^53.
local MAX_DEADLINE_MS = 253402300799999

local function by_arrival(_, ticks)
    return 100 * BAND + ticks, 'end'
end

-- What was learned of the runs of a record's type, in ms (learn.lua); nil = nothing.
local learned_us = {}

local function learned_ms(record)
    local type = string.match(record or '', '^[jJ]([^;\n]+)')
    if type and learned_us[type] == nil then
        learned_us[type] = tonumber(redis.call('HGET', KEYS[1] .. 'estimates', type) or nil) or false
    end
    return type and learned_us[type] and learned_us[type] / 1000
end

local ORDERS = {
    priority = by_priority,
    -- 100 * 2^45 + ticks: the band of priority 0.
    fifo = by_arrival,
    -- The same; a claim draws from all of them.
    random = by_arrival,
    -- 211 * 2^45 - ticks, before what stands there: who came last has the lowest score.
    lifo = function(_, ticks)
        return (STACK_BAND + 1) * BAND - ticks, 'front'
    end,
    -- The deadline in ms, below 2^48; without one 201 * 2^45 + ticks: after all that have one, by arrival.
    deadline = function(record, ticks)
        local deadline_ms = record_option(record, 'd')
        if deadline_ms then
            return math.max(1, math.min(deadline_ms, MAX_DEADLINE_MS))
        end
        return LAST_BAND * BAND + ticks, 'end'
    end,
    -- floor(10 * ln(estimate in ms)) * 2^45 + ticks: estimates of the same tenth of an order count as equal, and go by
    -- arrival. That is 200 for 5.6 days, and no more for more. Without an estimate that of the job's type; when nothing
    -- was learned of that 201 * 2^45 + ticks.
    shortest = function(record, ticks)
        local estimate_ms = record_option(record, 'e') or learned_ms(record)
        local band = estimate_ms and math.min(200, math.floor(10 * math.log(math.max(1, estimate_ms)))) or LAST_BAND
        return band * BAND + ticks, 'end'
    end,
}

-- `aged:<ms>`: 212 * 2^45 + ticks + (100 - priority) * ticks of the weight: one step of priority is worth so much
-- waiting.
-- With a weight of 30 days at most, 200 steps are less than 2^42. `aged:<ms>:` counts from 214 * 2^45: when one weight
-- follows another, configure.lua says so, and jobs with the old and with the new one can be told apart (reorder.lua).
local function by_age(weight_ms, is_second)
    local base, step = (AGED_BAND + (is_second and 2 or 0)) * BAND, weight_ms * 8
    return function(record, ticks)
        return base + ticks + (100 - record_priority(record)) * step
    end
end

local function order_named(name)
    local weight_ms, second = string.match(name, '^aged:(%d+)(:?)$')
    if weight_ms then
        return by_age(tonumber(weight_ms), second ~= '')
    end
    return ORDERS[name] or by_priority
end
