-- The part `jobs` of fsck.lua: which index holds each record.
local INDEXES = { 'ready', 'scheduled', 'leased', 'dead', 'cancelled' }

local function report(found, problem, id)
    found[#found + 1] = problem
    found[#found + 1] = id
end

-- For some of the ids the indexes that hold them, as tables state -> score.
local function add_places(prefix, ids, first, last, places)
    for i = first, last do
        places[i] = {}
    end
    for _, state in ipairs(INDEXES) do
        local scores = redis.call('ZMSCORE', prefix .. state, unpack(ids, first, last))
        for i = first, last do
            places[i][state] = scores[i - first + 1] or nil
        end
    end
    for _, generation in ipairs({ 'done', 'done_before' }) do
        local members = redis.call('SMISMEMBER', prefix .. generation, unpack(ids, first, last))
        for i = first, last do
            places[i].done = places[i].done or members[i - first + 1] == 1 or nil
        end
    end
end

-- Of several indexes the one that stays. A way out of `leased` was under way: it is taken to its end, but for `ready`,
-- where the other way, a claim, may have been. Everywhere else what runs goes before what has ended: a redrive may have
-- been under way, and a run too many is allowed while a job lost is not. Returns it, and how many there are.
local function keeper(place)
    local kept, count = nil, 0
    local order = place.leased and { 'done', 'dead', 'cancelled', 'scheduled', 'leased', 'ready' }
        or { 'ready', 'scheduled', 'dead', 'cancelled', 'done' }
    for _, state in ipairs(order) do
        if place[state] then
            kept, count = kept or state, count + 1
        end
    end
    return kept, count
end

local function take_out_of(prefix, state, id, score)
    redis.call('ZREM', prefix .. state, id)
    if state == 'leased' then
        forget_unused(prefix, { string.format('%d', score) })
    end
end

local function take_out(prefix, id, place, kept)
    for _, state in ipairs(INDEXES) do
        if place[state] and state ~= kept then
            take_out_of(prefix, state, id, place[state])
        end
    end
    if place.done and kept ~= 'done' then
        redis.call('SREM', prefix .. 'done', id)
        redis.call('SREM', prefix .. 'done_before', id)
    end
    if kept == 'done' then
        redis.call('HDEL', prefix .. 'jobs', id)
        drop_extras(prefix, redis.call('HGET', prefix .. 'meta', 'extras'), { id })
    end
end

-- At the end of its priority, or where else it belongs by the order of the queue.
local function make_ready(prefix, id, record)
    append_ready(queue_order(redis.call('HGET', prefix .. 'meta', 'settings')), prefix, { id }, { record })
end

local function check_jobs(prefix, _, entries, mends, found)
    local ids, records = {}, {}
    for i = 1, #entries, 2 do
        local id, record = entries[i], entries[i + 1]
        found[3] = found[3] + #record
        if id == '' then
            report(found, 'stray', id)
            if mends then
                redis.call('HDEL', prefix .. 'jobs', id)
            end
        else
            ids[#ids + 1], records[#records + 1] = id, record
        end
    end
    -- A scan brings more than was asked for where the server keeps large hashes as packed lists.
    local places = {}
    for first = 1, #ids, MAX_JOBS do
        add_places(prefix, ids, first, math.min(first + MAX_JOBS - 1, #ids), places)
    end
    for i = 1, #ids do
        local id, place = ids[i], places[i]
        local kept, count = keeper(place)
        if count == 0 then
            report(found, 'lost', id)
            if mends then
                make_ready(prefix, id, records[i])
                mark(prefix)
            end
        elseif count > 1 or kept == 'done' then
            report(found, count > 1 and 'twice' or 'leftover', id)
            if mends then
                take_out(prefix, id, place, kept)
            end
        end
    end
end
