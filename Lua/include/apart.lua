-- The rest of `split_held`, for ids of more than one deadline, or in another order: `all` are some that end when the
-- first one does, and are held. The deadlines of the others are looked up one by one.
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
    if all and #apart == 0 then
        -- Each id of `all` that is met leaves it.
        local left = #all
        for i = 1, n do
            left, mine[ids[i]] = mine[ids[i]] and left - 1 or left, nil
        end
        return ids, deadlines, left == 0
    end
    local scores, at = call('ZMSCORE', leased, unpack(apart)), 0
    for i = 1, n do
        local id, found = ids[i], lease
        if not mine[id] then
            at = at + 1
            local score = scores[at]
            found = score and holders[score]
            if score and found == nil then
                local ends = string.format('%d', score)
                found = holders[ends]
                if found == nil then
                    found = call('HGET', prefix .. 'leases', ends)
                    deadlines[#deadlines + 1] = found == lease and ends or nil
                end
                holders[score] = found
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
