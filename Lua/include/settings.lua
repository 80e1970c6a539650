-- What a queue does otherwise than by default: the field `settings` of `meta`, "name=value;name=value;". No field, no
-- settings. Values have no `;`.
local function setting(settings, name)
    return settings and string.match(';' .. settings, ';' .. name .. '=([^;]*)') or nil
end
