-- What scripts may know of a record: its header line. `j<type>\n<payload>` has no options, `J<type>;k=v;k=v\n<payload>`
-- has.
-- The payload is opaque and never looked at.
local function record_option(record, name)
    if not record or string.byte(record) ~= 74 then
        return nil
    end
    return tonumber(string.match(record, '^J[^\n]-;' .. name .. '=(-?%d+)'))
end
