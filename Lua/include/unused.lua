-- Forget whose the deadlines are at which no job ends any more.
local function forget_unused(queue, ends)
    for i = 1, #ends do
        local deadline = ends[i]
        if redis.call('ZCOUNT', queue .. 'leased', deadline, deadline) == 0 then
            redis.call('HDEL', queue .. 'leases', deadline)
        end
    end
end
