-- The index that holds an id is its state. Looked up in the order of how often it is asked. A finished job is only
-- remembered, in one of two sets, without a score.
local STATES = { 'leased', 'ready', 'scheduled', 'dead', 'cancelled' }

local function state_of(prefix, id)
    for _, state in ipairs(STATES) do
        local score = redis.call('ZSCORE', prefix .. state, id)
        if score then
            return state, score
        end
    end
    for _, generation in ipairs({ 'done', 'done_before' }) do
        if redis.call('SISMEMBER', prefix .. generation, id) == 1 then
            return 'done'
        end
    end
    return nil
end
