extension Mutant {
    static let events = [
        Mutant("events", "redis.call('HINCRBY', prefix .. 'meta', 'events_total', '1')", "1"),
        Mutant("events", "is_one and tokens[1] or table.concat(tokens, ' ')", "tokens[1] or ''"),
        Mutant("events", "    if not group then", "    if true then", survives: "the same, in more entries"),
        Mutant("enqueue", "group.due_ms <= now_ms and 'ready' or 'scheduled',", "'ready',"),
        Mutant("promote", "tell(prefix, settings, 'due', 'ready', due)", ""),
        Mutant("claim", "announce(prefix, meta[4], 'due', 'ready', due)", ""),
        Mutant("claim", "announce(prefix, meta[4], 'claimed', 'leased', ids, consumer, token)", ""),
        Mutant("events", "    if not seen[id] then", "    if true then"),
        Mutant("ack", "add('acked', 'done', id, consumer, ARGV[at])", ""),
        Mutant("ack", "at = at + 2 + tonumber(ARGV[at + 1])", "at = 2"),
        Mutant("nack", "(tonumber(ARGV[at + 3]) > 0 and 'scheduled' or 'ready')", "'ready'"),
        Mutant("nack", "if event then", "if false then"),
        Mutant("reap", "add(events[outcome], states[outcome],", "add(events[1], states[1],"),
        Mutant("release", "ended[id] and 'cancelled' or delay_ms", "delay_ms"),
        Mutant("cancel", "tell(prefix, settings, 'cancelled', 'cancelled', ended, nil, nil, reason)", ""),
        Mutant("cancel", "add('cancel_requested', '', id", "add('cancel_requested', 'ready', id"),
        Mutant("redrive", "tell(prefix, settings, 'redriven', 'ready', back)", ""),
        Mutant("purge", "tell(prefix, settings, 'purged', '', ids)", ""),
        Mutant("trim", "trimmed[#trimmed + 1] = ids[i]", ""),
        Mutant("pause", "wanted and 'paused' or 'resumed'", "'paused'"),
    ]
}
