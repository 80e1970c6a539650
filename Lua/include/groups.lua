-- Settles and extensions come in groups that share a token: token, [extras,] n, id 1 … id n, again and again.
-- Returns the ids of the group whose count stands at ARGV[at], and where the next group begins; or nil and what is
-- wrong.
local grouped = 0

local function group_ids(at)
    local n = tonumber(ARGV[at])
    grouped = grouped + (n or 0)
    if not n or n < 1 or grouped > MAX_JOBS or not ARGV[at + n] then
        return nil, 'ERR STINT_ARGUMENTS a group needs a count and as many ids, 1000 in a call, at argument ' .. at
    end
    return { unpack(ARGV, at + 1, at + n) }, at + n + 1
end
