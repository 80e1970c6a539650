#!lua flags=allow-oom
--[[
  configure.lua: set or unset settings of a queue. What they mean is for the scripts that read them.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     name, value, for each setting, at most 20; a value of '' = the default again. Names are lower case words,
           values have no `;`. `order` is one of orders.lua, `aged` with its weight in ms: `aged:30000`

  Another order is for jobs that become ready from now on. Those that are ready get theirs by reorder.lua, which the
  field `reorder` of `meta` asks for.

  Returns  the settings before, as they stand in `meta`; '' = there were none.
  Cost     O(settings).
]]
--- @include "clock"
--- @include "settings"

local MAX_SETTINGS = 20
local ORDERS = { [''] = true, fifo = true, lifo = true, random = true, deadline = true, shortest = true }
local MAX_WEIGHT_MS = 2592000000

local call = redis.call
local meta, n = KEYS[1] .. 'meta', #ARGV / 2
if n < 1 or n > MAX_SETTINGS or n % 1 ~= 0 then
    return redis.error_reply('ERR STINT_ARGUMENTS configure: 1..20 pairs of name and value')
end
for i = 1, n do
    if not string.match(ARGV[2 * i - 1], '^[a-z_]+$') or string.find(ARGV[2 * i], ';', 1, true) then
        return redis.error_reply('ERR STINT_ARGUMENTS configure: malformed name or value, at argument ' .. 2 * i - 1)
    end
end

local function is_order(name)
    local weight_ms = tonumber(string.match(name, '^aged:(%d+)$'))
    return ORDERS[name] or (weight_ms and weight_ms >= 1 and weight_ms <= MAX_WEIGHT_MS)
end
for i = 1, n do
    if ARGV[2 * i - 1] == 'order' and not is_order(ARGV[2 * i]) then
        return redis.error_reply('ERR STINT_ARGUMENTS configure: no such order, at argument ' .. 2 * i)
    end
end

local before = call('HGET', meta, 'settings') or ''
local settings = ';' .. before

-- One weight of aged jobs after another takes the other pair of their bands (orders.lua).
local function reweigh(old, new)
    local old_weight, second = string.match(old or '', '^aged:(%d+)(:?)$')
    if not old_weight or not string.find(new, '^aged') then
        return new
    end
    return new == 'aged:' .. old_weight and old or new .. (second == '' and ':' or '')
end

for i = 1, n do
    local name, value = ARGV[2 * i - 1], ARGV[2 * i]
    if name == 'order' then
        value = reweigh(setting(before, 'order'), value)
    end
    settings = string.gsub(settings, ';' .. name .. '=[^;]*', '')
    if value ~= '' then
        settings = settings .. name .. '=' .. value .. ';'
    end
end
settings = string.sub(settings, 2)
local old_order, new_order = setting(before, 'order') or 'priority', setting(settings, 'order') or 'priority'
if old_order ~= new_order and call('EXISTS', KEYS[1] .. 'ready') == 1 then
    call('HSET', meta, 'reorder', old_order .. ' ' .. string.format('%d', now_us))
end
if settings == '' then
    call('HDEL', meta, 'settings')
elseif settings ~= before then
    call('HSET', meta, 'settings', settings)
end
return before
