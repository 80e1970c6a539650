-- The order of `ready`: bands by priority (higher runs sooner), inside a band by when a job became ready.
-- score = (100 - priority) * 2^45 + server time in ticks of 125 us. 201 bands of 2^45 stay below 2^53, the last integer
-- that a ZSET score holds exactly; 2^45 ticks last until the year 2109.
-- Equal scores are ordered by id, which is right for ids that rise; where an id does not rise the score does, so the
-- order inside a band is exactly the order of arrival. Only minted ids, which rise by themselves, are not compared with
-- what stands there already (enqueue.lua): between two producers their order is that of the ticks.
local BAND = 35184372088832
local TICK_US = 125
