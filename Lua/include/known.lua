-- Take out of a group of an enqueue what exists already: ids are kept in `group.ids`, with records in `group.list`, and
-- their places in ARGV in `group.args`. A job is `group.width` arguments, its id and its record first.
-- `seen` holds the ids of the call's groups so far. Refused ids go to `replies`, each with its state.
local function keep_unknown(prefix, group, seen, replies)
    local ids, width = {}, group.width
    for i = 1, group.n do
        ids[i] = ARGV[group.first + width * (i - 1)]
    end
    local known = redis.call('HMGET', prefix .. 'jobs', unpack(ids))
    -- A dead or cancelled job usually has a record too; one that was quarantined without has only its id.
    for _, state in ipairs({ 'dead', 'cancelled' }) do
        local scores = redis.call('ZMSCORE', prefix .. state, unpack(ids))
        for i = 1, group.n do
            known[i] = known[i] or scores[i]
        end
    end
    for _, generation in ipairs({ 'done', 'done_before' }) do
        local members = redis.call('SMISMEMBER', prefix .. generation, unpack(ids))
        for i = 1, group.n do
            known[i] = known[i] or members[i] == 1
        end
    end
    local kept, list, args = {}, {}, {}
    for i = 1, group.n do
        local id = ids[i]
        if known[i] or seen[id] then
            replies[#replies + 1] = id
            replies[#replies + 1] = known[i] and state_of(prefix, id) or 'enqueued'
        else
            seen[id] = true
            kept[#kept + 1] = id
            list[#list + 1] = id
            args[#kept] = group.first + width * (i - 1)
            list[#list + 1] = ARGV[args[#kept] + 1]
        end
    end
    group.ids, group.list, group.args, group.first, group.n = kept, list, args, 1, #kept
end
