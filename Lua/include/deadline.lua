-- When a lease ends, in us. Each deadline belongs to one lease, so that `leases` needs one field for all jobs of a
-- claim, and `leased` tells which jobs they are. Where the lease of another claim ends at that moment already, this one
-- ends a microsecond earlier. Returns the deadline as a string.
local MAX_LEASE_MS = 4398046511104

local function draw_deadline(leases, deadline_us, lease)
    local deadline = string.format('%d', deadline_us)
    while redis.call('HSETNX', leases, deadline, lease) == 0 and redis.call('HGET', leases, deadline) ~= lease do
        deadline_us = deadline_us - 1
        deadline = string.format('%d', deadline_us)
    end
    return deadline
end
