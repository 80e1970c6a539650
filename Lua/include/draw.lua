-- The claim of a queue whose order is random: up to `limit` of all ready jobs, each as likely as every other, and
-- whether some stay behind. Redis draws them, but does not mix them when they are all that there are: they are mixed
-- here, by the numbers of S. Park, K. Miller, "Random Number Generators: Good Ones Are Hard to Find".
local function draw_ready(ready, limit)
    local ids = redis.call('ZRANDMEMBER', ready, string.format('%d', limit))
    local seed = now_us % 2147483646 + 1
    for i = #ids, 2, -1 do
        seed = seed * 16807 % 2147483647
        local k = seed % i + 1
        ids[i], ids[k] = ids[k], ids[i]
    end
    return ids, redis.call('ZCARD', ready) > #ids
end
