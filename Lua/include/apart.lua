-- The rest of `split_held`, for ids of which not all end when the first one does: `all` are some that do and are held.
-- The deadlines of the others are looked up one by one.
local function split_apart(all)
    local mine, apart, held, deadlines, holders = {}, {}, {}, {}, {}
    if all then
        deadlines[1], holders[deadline] = deadline, lease
        for i = 1, #all do
            mine[all[i]] = true
        end
    end
    for i = 1, n do
        apart[#apart + 1] = not mine[ids[i]] and ids[i] or nil
    end
    local scores = #apart > 0 and call('ZMSCORE', leased, unpack(apart)) or {}
    local at = 0
    for i = 1, n do
        local id, found = ids[i], lease
        if not mine[id] then
            at = at + 1
            local ends = scores[at] and string.format('%d', scores[at])
            found = ends and holders[ends]
            if ends and found == nil then
                found = call('HGET', prefix .. 'leases', ends)
                holders[ends] = found
                deadlines[#deadlines + 1] = found == lease and ends or nil
            end
        end
        if found == lease then
            held[#held + 1] = id
        else
            refused[#refused + 1] = id
            refused[#refused + 1] = found and STALE or GONE
        end
    end
    return held, deadlines, false
end
