--- @include "take"

-- The parts of fsck.lua about unique keys: `unique_of` against the jobs and against `unique`, then `unique` against
-- both.
local function check_owners(prefix, part, entries, mends, found)
    for i = 1, #entries, 2 do
        local id, problem = entries[i], nil
        local mode, key = string.match(entries[i + 1], '^([dst]) (.*)$')
        local state = state_of(prefix, id)
        local holder
        if not mode or redis.call('HEXISTS', prefix .. 'jobs', id) == 0 then
            problem = 'stray'
        elseif mode ~= 't' and (state == 'ready' or state == 'scheduled' or state == 'leased') then
            holder = key_holder(prefix, key, redis.call('HGET', prefix .. 'unique', key))
            problem = holder ~= id and 'keyless' or nil
        end
        if problem then
            report(found, problem, id)
        end
        if problem and mends then
            if problem == 'keyless' and not holder then
                take_key(prefix, id, mode, key)
            else
                redis.call('HDEL', prefix .. part, id)
            end
        end
    end
end

local function check_keys(prefix, part, entries, mends, found)
    for i = 1, #entries, 2 do
        local key, entry = entries[i], entries[i + 1]
        local until_ms = string.match(entry, ' (%d+)$')
        local holds
        if until_ms then
            holds = redis.call('ZSCORE', prefix .. 'unique_until', key) == until_ms
        else
            holds = key_holder(prefix, key, entry)
        end
        if not holds then
            report(found, 'stray', key)
            if mends then
                redis.call('HDEL', prefix .. part, key)
            end
        end
    end
end
