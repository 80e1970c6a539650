-- No script touches more jobs than this in one call, so that none blocks the server for more than a few milliseconds,
-- and `unpack` (which fails at 8,000 values) stays far from its limit.
local MAX_JOBS = 1000
-- No lease and no delay is longer, so that every time that comes of it is a whole number that can be printed.
local MAX_MS = 4503599627370496

local function checked_limit(value)
    local limit = tonumber(value)
    if not (limit and limit >= 1) then
        return nil
    end
    return math.min(math.floor(limit), MAX_JOBS)
end
