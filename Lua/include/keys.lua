--- @include "take"

-- Take out of a group of kind 3 what may not be enqueued because of its unique key. `group.args` are the places of the
-- group's jobs in ARGV, `taken` who has which key of this call. Reads only; the rest is for `group.takes`.
-- Returns false when a record does not say how it is unique.
local function keep_free(prefix, group, taken, replies)
    local keys, ids, list, takes = {}, {}, {}, {}
    for i = 1, group.n do
        keys[i] = ARGV[group.args[i] + 3]
    end
    local entries = group.n > 0 and redis.call('HMGET', prefix .. 'unique', unpack(keys))
    for i = 1, group.n do
        local id, record, key = group.ids[i], group.list[2 * i], keys[i]
        local mode, ms = string.match(record, '^J[^\n]-;u=([dst])(%d*)')
        if not mode or (mode == 't') ~= (ms ~= '') then
            return false
        end
        local holder, state = taken[key], 'enqueued'
        if not holder then
            holder, state = key_holder(prefix, key, entries[i])
        end
        local replaces, refusal = ARGV[group.args[i] + 2] == 'replace', nil
        local take = { id = id, mode = mode, key = key, until_ms = mode == 't' and now_ms + math.min(ms, MAX_MS) }
        if replaces and (state == 'ready' or state == 'scheduled') then
            take.id, take.replaced, refusal = holder, state, 'replaced '
        elseif replaces and state == 'leased' then
            take.displaced = holder
        elseif holder then
            take, refusal = nil, 'taken '
        end
        if refusal then
            replies[#replies + 1] = id
            replies[#replies + 1] = refusal .. state .. ' ' .. holder
        end
        if take then
            taken[key] = take.id
            takes[#takes + 1], ids[#ids + 1] = take, take.id
            list[#list + 1] = take.id
            list[#list + 1] = record
        end
    end
    group.ids, group.list, group.n, group.takes = ids, list, #ids, takes
    return true
end

-- What is written for the keys of a group before its records. A job whose record is replaced loses all that hangs on
-- it but its key: that was about another payload.
local function take_keys(prefix, takes)
    local replaced = {}
    for _, take in ipairs(takes) do
        take_key(prefix, take.id, take.mode, take.key, take.until_ms)
        if take.displaced then
            redis.call('HDEL', prefix .. 'unique_of', take.displaced)
        end
        replaced[#replaced + 1] = take.replaced and take.id
        if take.replaced == 'ready' then
            -- It is a newcomer: where it stood must not count for where it goes.
            redis.call('ZREM', prefix .. 'ready', take.id)
        end
    end
    if #replaced > 0 then
        local others = string.gsub(extras_known, 'unique_of,', '')
        drop_extras(prefix, others, replaced)
    end
end

-- What is written after the records of a group stand in `index`: replaced jobs leave the one that they were in.
local function leave_replaced(prefix, takes, index)
    for _, take in ipairs(takes) do
        if take.replaced and prefix .. take.replaced ~= index then
            redis.call('ZREM', prefix .. take.replaced, take.id)
        end
    end
end
