-- Forget whose the deadlines are at which no job ends any more.
local function forget_unused(queue, ends)
    local unused
    for i = 1, #ends do
        local deadline = ends[i]
        if redis.call('ZCOUNT', queue .. 'leased', deadline, deadline) == 0 then
            unused = unused or {}
            unused[#unused + 1] = deadline
        end
    end
    if unused then
        redis.call('HDEL', queue .. 'leases', unpack(unused))
    end
end
