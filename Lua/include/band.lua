-- The order of `ready`: 256 bands of 2^45, which stay below 2^53, the last integer that a ZSET score holds exactly. By
-- default a priority is a band (higher runs sooner), and inside a band stands when a job became ready:
-- score = (100 - priority) * 2^45 + server time in ticks of 125 us; 2^45 ticks last until the year 2109.
-- Equal scores are ordered by id, which is right for ids that rise; where an id does not rise the score does, so the
-- order inside a band is exactly the order of arrival. Only minted ids, which rise by themselves, are not compared with
-- what stands there already (enqueue.lua): between two producers their order is that of the ticks.
local BAND = 35184372088832
local TICK_US = 125
