-- A time in ms since 1970 as people read it: 2026-01-31T10:00:00.250Z. By H. Hinnant, "chrono-Compatible Low-Level Date
-- Algorithms".
local function utc(ms)
    local floor = math.floor
    local days = floor(ms / 86400000)
    local left_ms = ms - days * 86400000
    -- Days since the first of March of a year that begins an era of 400 years.
    local shifted = days + 719468
    local era = floor(shifted / 146097)
    local day = shifted - era * 146097
    local year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
    local day_of_year = day - (365 * year + floor(year / 4) - floor(year / 100))
    local month = floor((5 * day_of_year + 2) / 153)
    local date = day_of_year - floor((153 * month + 2) / 5) + 1
    month = month < 10 and month + 3 or month - 9
    year = year + era * 400 + (month <= 2 and 1 or 0)
    local seconds = floor(left_ms / 1000)
    return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, date, floor(seconds / 3600),
        floor(seconds / 60) % 60, seconds % 60, left_ms % 1000)
end

-- Bury what a claim may not hand out, and take it out of its lists; `places` are the places there, which rise. An id
-- without a record can never run: it is quarantined where people look. A job that was to be started before now is dead.
-- Returns the ids of these, and of those.
local function bury_aside(prefix, places, ids, records)
    local expired, quarantined = {}, {}
    for k = #places, 1, -1 do
        local i = places[k]
        local id, record = ids[i], records[i]
        if record then
            local failures, lapses = read_tries(prefix, id)
            write_tries(prefix, id, failures, lapses, now_ms,
                'expired: it was not started by ' .. utc(record_option(record, 'b')))
            expired[#expired + 1] = id
        else
            write_tries(prefix, id, 0, 0, now_ms, 'quarantined: the record is missing')
            quarantined[#quarantined + 1] = id
        end
        bury(prefix, id, now_ms)
        table.remove(ids, i)
        table.remove(records, i)
    end
    if #expired > 0 then
        redis.call('HINCRBY', prefix .. 'meta', 'dead_total', string.format('%d', #expired))
    end
    return expired, quarantined
end
