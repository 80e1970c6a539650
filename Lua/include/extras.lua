--- @include "unique"

-- Extras: what some jobs have beside their record, in hashes by id. The field `extras` of `meta` names the hashes of a
-- queue in which there may be something, "tries,cancels,": a queue whose jobs have none pays nothing for them. A hash
-- is named there before anything is written to it, and by trim.lua no more when it is empty.
local extras_known

local function has_extras(prefix, name)
    extras_known = extras_known or redis.call('HGET', prefix .. 'meta', 'extras') or ''
    return string.find(',' .. extras_known, ',' .. name .. ',', 1, true) ~= nil
end

local function note_extras(prefix, name)
    if not has_extras(prefix, name) then
        extras_known = extras_known .. name .. ','
        redis.call('HSET', prefix .. 'meta', 'extras', extras_known)
    end
end

-- Everything that hangs on these jobs, when they are forgotten. `extras`: the field.
local function drop_extras(prefix, extras, ids, frees_timed)
    for name in string.gmatch(extras or '', '[^,]+') do
        if name == 'unique_of' then
            free_keys(prefix, ids, frees_timed)
        end
        redis.call('HDEL', prefix .. name, unpack(ids))
    end
end
