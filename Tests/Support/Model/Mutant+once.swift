/// The guards of unique keys, and of what is noted of steps.
extension Mutant {
    private static let damage = "entries that no whole script leaves: UniqueTests"

    private static let reused =
        "ids that are used again while their first job's key is held are rare: UniqueReplaceTests"

    private static let redriven = "redrives of jobs with keys are rare: UniqueReplaceTests"

    static let keys = [
        Mutant("unique", "(until_ms == '' or frees_timed)", "true"),
        Mutant("unique", "(until_ms == '' or frees_timed)", "until_ms == ''"),
        Mutant("unique", "holder == ids[k] and", "holder and"),
        Mutant("unique", "redis.call('HDEL', unique, key)", ""),
        Mutant("unique", "redis.call('ZREM', prefix .. 'unique_until', key)", ""),
        Mutant("take", "tonumber(until_ms) > now_ms", "tonumber(until_ms) >= now_ms"),
        Mutant("take", "tonumber(until_ms) > now_ms", "true"),
        Mutant("take", "tonumber(until_ms) > now_ms", "false"),
        Mutant("take", "owned and string.sub(owned, 3) == key", "owned", survives: reused),
        Mutant("take", "local state = is_its and", "local state =", survives: damage),
        Mutant("take", "state == 'ready' or state == 'scheduled' or state == 'leased'", "true", survives: damage),
        Mutant("take", "        redis.call('ZREM', prefix .. 'unique_until', key)\n", ""),
        Mutant("keys", "local holder, state = taken[key], 'enqueued'", "local holder, state"),
        Mutant("keys", "(state == 'ready' or state == 'scheduled')", "state == 'ready'"),
        Mutant("keys", "elseif replaces and state == 'leased' then", "elseif false then"),
        Mutant("keys", "        elseif holder then", "        elseif false then"),
        Mutant("keys", "        if take.displaced then", "        if false then"),
        Mutant("keys", "if take.replaced == 'ready' then", "if false then"),
        Mutant("keys", "    if #replaced > 0 then", "    if false then"),
        Mutant("keys", "take.replaced and prefix .. take.replaced ~= index", "false"),
        Mutant("keys", "take.replaced and prefix .. take.replaced ~= index", "take.replaced"),
        Mutant("claim", "started[#started + 1] = id", ""),
        Mutant("claim", "call('HDEL', prefix .. 'unique_of', unpack(started))", ""),
        Mutant("redrive", "not holder and mode ~= 't'", "not holder"),
        Mutant("redrive", "return not holder or holder == id", "return not holder", survives: redriven),
        Mutant("redrive", "return not holder or holder == id", "return true", survives: redriven),
        Mutant("extras", "if name == 'unique_of' then", "if false then"),
        Mutant("finish", "        free_keys(prefix, { id })\n", ""),
        Mutant("finish", "        free_keys(prefix, { id }, true)\n", ""),
        Mutant("trim", "forget_old_keys()\nforget_empty", "forget_empty"),
        Mutant("trim", "until_ms and until_ms <= now_ms and keys[i]", "keys[i]", survives: damage),
    ]

    static let steps = [
        Mutant("once", "if lease ~= token .. ':' .. consumer then", "if not lease then"),
        Mutant("once", "lease and STALE or GONE", "STALE"),
        Mutant("once", "== step then", "== '' then"),
        Mutant("once", "ends + size > #notes", "false", survives: "notes cut short, which no script leaves"),
        Mutant("once", "steps >= MAX_STEPS or", "", survives: "1,000 steps: OnceTests"),
        Mutant("once", "at - 1 + #note > MAX_BYTES", "false", survives: "64 KiB of notes: OnceTests"),
        Mutant("once", "if not value then", "if false then"),
    ]
}
