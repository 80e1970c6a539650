-- The other parts of fsck.lua: what the indexes and the hashes about jobs refer to.
local function is_whole(score)
    return score == score and score > 0 and score < 9007199254740992 and score % 1 == 0
end

-- Mend a score that is none, or a lease that nobody holds: what it stands for begins, or ends, now.
local function set_now(prefix, state, id)
    local key = prefix .. state
    if state == 'ready' then
        redis.call('ZREM', key, id)
        make_ready(prefix, id, redis.call('HGET', prefix .. 'jobs', id))
    elseif state == 'leased' then
        redis.call('ZADD', key, draw_deadline(prefix .. 'leases', now_us, '0:'), id)
    else
        redis.call('ZADD', key, string.format('%d', now_ms), id)
    end
    mark(prefix)
end

-- An id without a record can never run. It is buried, where people look; one that was cancelled is forgotten.
local function bury_empty(prefix, state, id, score)
    if state ~= 'cancelled' then
        write_tries(prefix, id, 0, 0, now_ms, 'quarantined: the record is missing')
        bury(prefix, id, now_ms)
    else
        forget(prefix, { id })
    end
    take_out_of(prefix, state, id, score)
end

local function check_index(prefix, state, entries, mends, found)
    for i = 1, #entries, 2 do
        local id, score, problem = entries[i], tonumber(entries[i + 1]), nil
        if id == PAD then
            problem = 'stray'
        elseif redis.call('HEXISTS', prefix .. 'jobs', id) == 0 then
            problem = state ~= 'dead' and 'empty'
        elseif not is_whole(score) then
            problem = 'score'
        elseif state == 'leased'
            and redis.call('HEXISTS', prefix .. 'leases', string.format('%d', score)) == 0 then
            problem = 'unheld'
        end
        if problem then
            report(found, problem, id)
        end
        if problem and mends then
            if problem == 'stray' then
                redis.call('ZREM', prefix .. state, id)
            elseif problem == 'empty' then
                bury_empty(prefix, state, id, score)
            else
                set_now(prefix, state, id)
            end
        end
    end
end

local function check_leases(prefix, part, entries, mends, found)
    local last = tonumber(redis.call('HGET', prefix .. 'meta', 'token') or 0)
    for i = 1, #entries, 2 do
        local deadline, token = entries[i], tonumber(string.match(entries[i + 1], '^(%d+):'))
        if not tonumber(deadline) or redis.call('ZCOUNT', prefix .. 'leased', deadline, deadline) == 0 then
            report(found, 'unused', deadline)
            if mends then
                redis.call('HDEL', prefix .. part, deadline)
            end
        elseif token and token > last then
            report(found, 'token', deadline)
            if mends then
                last = token
                redis.call('HSET', prefix .. 'meta', 'token', string.format('%d', token))
            end
        end
    end
end

-- `cancels` are of leased jobs, `tries`, `history` and `effects` of jobs that live or are buried without a record, the
-- others of those that live.
local function check_notes(prefix, part, entries, mends, found)
    for i = 1, #entries, 2 do
        local id = entries[i]
        local lives
        found[3] = found[3] + #entries[i + 1]
        if part == 'cancels' then
            lives = redis.call('ZSCORE', prefix .. 'leased', id)
        else
            lives = redis.call('HEXISTS', prefix .. 'jobs', id) == 1 or redis.call('ZSCORE', prefix .. 'dead', id)
        end
        if not lives then
            report(found, 'stray', id)
            if mends then
                redis.call('HDEL', prefix .. part, id)
            end
        end
    end
end
