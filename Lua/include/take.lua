--- @include "state"
--- @include "extras"

-- Whose a key is, by its entry in `unique`, and that job's state; nil = nobody's.
local function key_holder(prefix, key, entry)
    local id, until_ms = string.match(entry or '', '^(%S+) ?(%d*)$')
    if not id then
        return nil
    end
    local owned = redis.call('HGET', prefix .. 'unique_of', id)
    local is_its = owned and string.sub(owned, 3) == key
    if until_ms ~= '' then
        if tonumber(until_ms) > now_ms then
            -- The job that took the key may be forgotten, and its id another's by now.
            return id, is_its and state_of(prefix, id) or 'done'
        end
        return nil
    end
    local state = is_its and state_of(prefix, id)
    if state == 'ready' or state == 'scheduled' or state == 'leased' then
        return id, state
    end
    return nil
end

-- Make a free key a job's. `until_ms`: for a time.
local function take_key(prefix, id, mode, key, until_ms)
    note_extras(prefix, 'unique_of')
    redis.call('HSET', prefix .. 'unique_of', id, mode .. ' ' .. key)
    if until_ms then
        local ms = string.format('%d', until_ms)
        redis.call('ZADD', prefix .. 'unique_until', ms, key)
        redis.call('HSET', prefix .. 'unique', key, id .. ' ' .. ms)
    else
        redis.call('HSET', prefix .. 'unique', key, id)
        redis.call('ZREM', prefix .. 'unique_until', key)
    end
end
