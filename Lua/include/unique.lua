-- A unique key is one job's at a time. `unique` says of a key whose it is: "<id>", for as long as that job lives, or
-- "<id> <ms>", until then; those stand in `unique_until`, too, by that time. `unique_of`, one of the extras, says of a
-- job what it was enqueued with: "<mode> <key>", where mode d = until it is done, s = until it is started, t = for a
-- time. Dead and cancelled jobs keep that, and hold nothing: a redrive takes the key again.
-- An entry of `unique` counts for nothing when its job does not live, or says nothing of the key (take.lua): what is
-- freed late blocks nobody.

-- Free the keys of jobs that end. Those that are held for a time stay, unless `frees_timed`.
local function free_keys(prefix, ids, frees_timed)
    local unique = prefix .. 'unique'
    local owned = redis.call('HMGET', prefix .. 'unique_of', unpack(ids))
    for k = 1, #ids do
        local key = string.match(owned[k] or '', '^%l (.*)$')
        local entry = key and redis.call('HGET', unique, key)
        local holder, until_ms = string.match(entry or '', '^(%S+) ?(%d*)$')
        if holder == ids[k] and (until_ms == '' or frees_timed) then
            redis.call('HDEL', unique, key)
            if until_ms ~= '' then
                redis.call('ZREM', prefix .. 'unique_until', key)
            end
        end
    end
end
