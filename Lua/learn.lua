#!lua
--[[
  learn.lua: remember how long runs of jobs take, by their types, for the order `shortest` (orders.lua).

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     for each of 1..1000 types: type, how many runs were measured, 1..1000000, how long they took together, us

  What is known of a type counts as much as eight runs: floor((8 * estimate + us) / (8 + runs)). Whoever is ready keeps
  its place. Of 1,000 types at most, the first ones.

  Returns  1 = learned; 0 = the queue has another order, nothing was written.
  Refused by Redis before any write when it is out of memory.
  Cost     O(n).
]]
--- @include "limits"
--- @include "settings"

local FIELDS, MAX_RUNS, MAX_US = 3, 1000000, 562949953421312
local KNOWN_RUNS, MAX_TYPES = 8, 1000

local call = redis.call
local prefix, n = KEYS[1], #ARGV / FIELDS
if n < 1 or n > MAX_JOBS or n % 1 ~= 0 then
    return redis.error_reply('ERR STINT_ARGUMENTS learn: three for each of 1..1000 types')
end

local function is_whole(number, low, high)
    return number and number >= low and number <= high and number % 1 == 0
end
for at = 1, #ARGV, FIELDS do
    if not is_whole(tonumber(ARGV[at + 1]), 1, MAX_RUNS) or not is_whole(tonumber(ARGV[at + 2]), 0, MAX_US) then
        return redis.error_reply('ERR STINT_ARGUMENTS learn: type, runs, us, at argument ' .. at)
    end
end

if setting(call('HGET', prefix .. 'meta', 'settings'), 'order') ~= 'shortest' then
    return 0
end
local estimates = prefix .. 'estimates'
local count = call('HLEN', estimates)
for at = 1, #ARGV, FIELDS do
    local runs, us = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local known_us = tonumber(call('HGET', estimates, ARGV[at]) or nil)
    if known_us then
        us, runs = KNOWN_RUNS * known_us + us, KNOWN_RUNS + runs
    end
    if known_us or count < MAX_TYPES then
        count = count + call('HSET', estimates, ARGV[at], string.format('%d', math.floor(us / runs)))
    end
end
return 1
