#!lua flags=allow-oom
--[[
  trim.lua: forget finished jobs that are too old or too many. The janitor of every node calls it.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  limit, 1..1000, for each state
  ARGV     for each state: its name (done, dead or cancelled), how long to keep its jobs in ms, how many to keep;
           or `results`, how many bytes of results to keep, how many results: each has a time of its own

  Returns  {trimmed, trimmed, …}, one for each state. A count equal to the limit says that there may be more.
           Ids of done jobs are forgotten a generation at a time, whatever the limit: each is kept for at least the time
           given and at most twice that, and at least as many are kept.
  Unique keys whose time is over are forgotten as well, at most limit in a call.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "finish"
--- @include "done"
--- @include "results"

local TRIMMABLE = { done = true, dead = true, cancelled = true, results = true }

local call = redis.call
local prefix, limit = KEYS[1], checked_limit(ARGV[1])
for at = 2, #ARGV, 3 do
    if not limit or not TRIMMABLE[ARGV[at]] or not tonumber(ARGV[at + 1]) or not tonumber(ARGV[at + 2]) then
        return redis.error_reply('ERR STINT_ARGUMENTS trim: limit, then state, keep ms, keep count, at argument ' .. at)
    end
end

local function trim_done(keep_ms, keep)
    local meta = prefix .. 'meta'
    local since = tonumber(call('HGET', meta, 'done_since') or nil)
    if call('SCARD', prefix .. 'done') >= keep or (since and now_ms - since >= keep_ms) then
        return rotate_done(prefix)
    end
    if not since then
        call('HSET', meta, 'done_since', string.format('%d', now_ms))
    end
    return 0
end

-- Whoever is told of events is told of these; that of done jobs ids are forgotten is none.
local trimmed = {}

local function trim_index(index, keep_ms, keep)
    local old = call('ZCOUNT', index, '-inf', string.format('(%d', now_ms - keep_ms))
    local excess = math.min(limit, math.max(old, call('ZCARD', index) - keep))
    if excess <= 0 then
        return 0
    end
    local ids = call('ZRANGE', index, 0, excess - 1)
    forget(prefix, ids)
    call('ZREM', index, unpack(ids))
    for i = 1, #ids do
        trimmed[#trimmed + 1] = ids[i]
    end
    return excess
end

-- A hash of extras in which there is nothing any more need not be looked at by every ack.
local function forget_empty_extras()
    local meta = prefix .. 'meta'
    local extras = call('HGET', meta, 'extras')
    if not extras then
        return
    end
    local kept = string.gsub(extras, '[^,]+,', function(name)
        return call('EXISTS', prefix .. string.sub(name, 1, -2)) == 1 and name or ''
    end)
    if kept == '' then
        call('HDEL', meta, 'extras')
    elseif kept ~= extras then
        call('HSET', meta, 'extras', kept)
    end
end

local function forget_old_keys()
    if not limit then
        return
    end
    local unique, index = prefix .. 'unique', prefix .. 'unique_until'
    local keys = call('ZRANGEBYSCORE', index, '-inf', string.format('%d', now_ms), 'LIMIT', '0', limit)
    if #keys > 0 then
        local entries, old = call('HMGET', unique, unpack(keys)), {}
        for i = 1, #keys do
            local until_ms = tonumber(string.match(entries[i] or '', ' (%d+)$') or nil)
            old[#old + 1] = until_ms and until_ms <= now_ms and keys[i] or nil
        end
        if #old > 0 then
            call('HDEL', unique, unpack(old))
        end
        call('ZREM', index, unpack(keys))
    end
end

local replies = {}
for at = 2, #ARGV, 3 do
    local state, keep_ms, keep = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    if state == 'done' then
        replies[#replies + 1] = trim_done(keep_ms, keep)
    elseif state == 'results' then
        replies[#replies + 1] = trim_results(prefix, now_ms, limit, keep, keep_ms)
    else
        replies[#replies + 1] = trim_index(prefix .. state, keep_ms, keep)
    end
end
forget_old_keys()
forget_empty_extras()
local settings = #trimmed > 0 and call('HGET', prefix .. 'meta', 'settings')
if settings then
    --- @include "events"
    tell(prefix, settings, 'trimmed', '', trimmed)
end
return replies
