-- When a ready job became so, in ticks, as far as its score tells; nil = it does not: the deadline stands there.
-- `name`: the order by which its score was given, for the weight of aged ones.
local function arrival_ticks(name, record, score)
    local band = math.floor(score / BAND)
    local ticks = score % BAND
    if band == STACK_BAND then
        ticks = (STACK_BAND + 1) * BAND - score
    elseif band >= AGED_BAND then
        local weight_ms = tonumber(string.match(name, '^aged:(%d+)') or 0)
        local base = (band - band % 2) * BAND
        ticks = score - base - (100 - record_priority(record)) * weight_ms * 8
    elseif score == record_option(record, 'd') then
        return nil
    end
    return math.max(1, math.min(ticks, BAND - 1))
end
