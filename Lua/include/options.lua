-- The record with another value of an option, or without it (nil). The payload is not touched.
local function with_option(record, name, value)
    local head = string.match(record, '^[^\n]*')
    local options = string.gsub(string.sub(head, 2), ';' .. name .. '=[^;]*', '')
    if value then
        options = options .. ';' .. name .. '=' .. value
    end
    return (string.find(options, ';', 1, true) and 'J' or 'j') .. options .. string.sub(record, #head + 1)
end
