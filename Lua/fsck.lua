#!lua flags=allow-oom
--[[
  fsck.lua: compare the indexes of a queue with its records, some at a time, and mend what does not fit. For what a torn
  append-only file, or a hand, has left of a script's writes; between whole scripts there is nothing to find.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  part: `jobs`, `ready`, `scheduled`, `leased`, `dead`, `cancelled`, `leases`, `tries`, `history`, `cancels`,
           `places`, `effects`, `progress`, `checkpoints`, `unique_of` or `unique`
  ARGV[2]  cursor of the step before, '0' at first
  ARGV[3]  how many to look at in this step, about; 1..1000
  ARGV[4]  1 = mend, 0 = only tell

  Returns  {cursor, looked at, bytes of records read, problem, id, problem, id, …}; a cursor '0' = the part is done
           lost: a record in no index; it is made ready
           leftover: what is left of a job that is done; it is removed
           twice: in more than one index; it stays in the one that is the safest
           empty: in an index and without a record; it is buried, or forgotten when it was cancelled
           unheld: leased by nobody; its lease ends now
           score: a time or an order that is none; now is taken
           unused: a holder (by its deadline) without a job; it is removed
           stray: something about a job that is not there; it is removed
           keyless: a living job that has not the unique key it was enqueued with; it has it again, or does without
           token: a lease (by its deadline) above the last token of the queue; that is raised
  Writes   into the index that stays first, as everywhere.
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "tries"
--- @include "finish"
--- @include "deadline"
--- @include "unused"
--- @include "wide"
--- @include "fsck_jobs"
--- @include "fsck_rest"
--- @include "fsck_keys"

local PARTS = {
    jobs = check_jobs, ready = check_index, scheduled = check_index, leased = check_index, dead = check_index,
    cancelled = check_index, leases = check_leases, tries = check_notes, history = check_notes, cancels = check_notes,
    places = check_notes, effects = check_notes, unique_of = check_owners, unique = check_keys,
    progress = check_notes, checkpoints = check_notes,
}

local part, cursor, limit, mends = ARGV[1], ARGV[2], checked_limit(ARGV[3]), ARGV[4] == '1'
if not (PARTS[part] and limit and string.match(cursor, '^%d+$') and (mends or ARGV[4] == '0')) then
    return redis.error_reply('ERR STINT_ARGUMENTS fsck: part, cursor, limit 1..1000, 1 or 0')
end
local command = PARTS[part] == check_index and 'ZSCAN' or 'HSCAN'
local step = redis.call(command, KEYS[1] .. part, cursor, 'COUNT', limit)
local found = { step[1], #step[2] / 2, 0 }
PARTS[part](KEYS[1], part, step[2], mends, found)
return found
