--- @include "record"

-- The stream `ends` tells who waits for a result that its job has come to an end: only of jobs that keep their result
-- (option `k` of the record), so that other jobs pay nothing for it. It is short: who waits reads it all the time, and
-- looks at the job itself when it has missed something.
local KEEP_ENDS = '1000'

local function tell_ends(prefix, event, ids)
    redis.call('XADD', prefix .. 'ends', 'MAXLEN', '~', KEEP_ENDS, '*', 'e', event, 'ids', table.concat(ids, ' '))
end

-- For a job that has ended and whose record is still there.
local function tell_end(prefix, event, id)
    if record_option(redis.call('HGET', prefix .. 'jobs', id), 'k') then
        tell_ends(prefix, event, { id })
    end
end
