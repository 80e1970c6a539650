-- The index that holds an id is its state. Looked up in the order of how often it is asked.
local STATES = { 'leased', 'ready', 'scheduled', 'dead', 'done', 'cancelled' }

local function state_of(prefix, id)
    for _, state in ipairs(STATES) do
        local score = redis.call('ZSCORE', prefix .. state, id)
        if score then
            return state, score
        end
    end
    return nil
end
