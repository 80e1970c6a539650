-- Which of the 256 bands of `ready` (band.lua) is whose, beside those of the priorities, 0 to 200: jobs without the
-- option by which a queue is ordered; last in, first out; and aged jobs, who have two pairs of bands that take turns.
local LAST_BAND, STACK_BAND, AGED_BAND = 201, 210, 212
