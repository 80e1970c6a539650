-- Finished ids are remembered for a while, so that an enqueue which is repeated after a lost reply, or by a user with
-- an id of their own, is recognised. Two sets take turns: ids are added to `done`; when that is old or large it becomes
-- `done_before`, and what was there is forgotten, all at once and off the server's main thread.
-- `done_since` in `meta` is for trim.lua, which alone looks at the age.
local MAX_DONE = 100000

-- Returns how many ids were forgotten.
local function rotate_done(prefix)
    local done, before = prefix .. 'done', prefix .. 'done_before'
    local forgotten = redis.call('SCARD', before)
    -- First, so that no rotation that was cut short is followed by another at once.
    redis.call('HDEL', prefix .. 'meta', 'done_since')
    redis.call('UNLINK', before)
    if redis.call('EXISTS', done) == 1 then
        redis.call('RENAME', done, before)
    end
    return forgotten
end
