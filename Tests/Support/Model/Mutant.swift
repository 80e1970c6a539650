import StintLua

/// A script set with one guard less. The model test has to see it.
package struct Mutant: Sendable, CustomStringConvertible {
    /// The file in `Lua/`, and what of its text becomes what.
    package let file, text, becomes: String
    /// Why the model test may not see that this guard is gone, and which test does; `nil` = it has to be seen.
    package let excuse: String?

    init(_ file: String, _ text: String, _ becomes: String, survives excuse: String? = nil) {
        (self.file, self.text, self.becomes, self.excuse) = (file, text, becomes, excuse)
    }

    package var description: String { "\(file): \(text) -> \(becomes)" }

    /// Where in its file the guard stands: once, or it is not said which.
    package var places: Int {
        (ScriptFiles.all[file] ?? "").split(separator: text, omittingEmptySubsequences: false).count - 1
    }

    package var files: [String: String] {
        var files = ScriptFiles.all
        files[file] = files[file]?.replacing(text, with: becomes)
        return files
    }
}

extension Mutant {
    package static let all: [Mutant] =
        holders + claims + enqueues + orders + settles + reaps + controls + keys + steps + bounds + events + results

    private static let woken = "changes that are first to be due are rare: ChangeTests"

    private static let holders = [
        Mutant("lease", "deadline) == lease then", "deadline) then"),
        Mutant("lease", "token .. ':' .. consumer", "token .. ':x'"),
        Mutant("lease", "#all == n", "true"),
        Mutant("lease", "if all[k] == ids[i] then", "if true then"),
        Mutant("apart", "if found == lease then", "if found then"),
        Mutant("apart", "found and STALE or GONE", "STALE"),
        Mutant("apart", "found and STALE or GONE", "GONE"),
        Mutant("apart", "left == 0", "true"),
        Mutant("apart", "not mine[ids[i]] and ids[i]", "nil"),
        Mutant("nack", "if lease == token .. ':' .. consumer then", "if lease then"),
        Mutant("nack", "not lease and GONE or STALE", "STALE"),
        Mutant("deadline", "== 0 and redis.call('HGET', leases, deadline) ~= lease", "== 2"),
        Mutant("deadline", "at_us < deadline_us", "false"),
        Mutant("unused", "== 0 then", "== -1 then"),
        Mutant("unused", "== 0 then", ">= 0 then"),
    ]

    private static let claims = [
        Mutant("claim", "if meta[1] == '1' then", "if false then"),
        Mutant("claim", "(tonumber(meta[2]) or 0) + 1", "0"),
        Mutant("claim", "(tonumber(meta[2]) or 0) + 1", "(tonumber(meta[2]) or 0)"),
        Mutant("claim", "math.max((tonumber(meta[2]) or 0) + 1, now_us)", "(tonumber(meta[2]) or 0) + 1"),
        Mutant("claim", "call('HSET', prefix .. 'meta', 'token', token)", ""),
        Mutant("claim", "if due_in == 0 then", "if false then"),
        Mutant("claim", "math.max(limit, PROMOTE_AT_LEAST)", "limit"),
        Mutant("claim", "    more = #ids > limit", "    more = false"),
        Mutant("claim", "own_ms and own_ms > 0", "false"),
        Mutant("claim", "now_us + length_ms * 1000", "now_us"),
        Mutant(
            "claim", "if more or due_in == 0 then", "if more then",
            survives: "more than 200 due jobs: ClaimLimitTests"),
        Mutant("claim", "if more or due_in == 0 then", "if due_in == 0 then"),
        Mutant("claim", "    mark(prefix)\n", ""),
        Mutant("claim", "if #ids > 0 and meta[3] then", "if false then"),
        Mutant("claim", "start_by_ms and start_by_ms < now_ms", "false"),
        Mutant("claim", "start_by_ms and start_by_ms < now_ms", "start_by_ms and start_by_ms <= now_ms"),
        Mutant("claim", "call('ZREM', ready, unpack(drawn, 1, taken))", ""),
        Mutant("aside", "if #expired > 0 then", "if false then"),
        Mutant("draw", "redis.call('ZCARD', ready) > #ids", "true"),
        Mutant("claim", "taken == 1 and '0' or format('%d', taken - 1)", "'0'"),
        Mutant("claim", "bytes > MAX_BYTES and i > 1", "false", survives: "8 MiB of records: ClaimLimitTests"),
        Mutant("claim", "call('ZREM', ready, unpack(drawn, 1, taken))", "call('ZREM', ready, drawn[1])"),
        Mutant("claim", "from < 0 or", ""),
        Mutant("claim", "more and format('%d', from + skipped) or '0'", "format('%d', from + skipped)"),
        Mutant("choose", "from + looked\n", "looked\n"),
        Mutant("choose", "limit + EXTRA", "limit"),
        Mutant("choose", "not type or is_known[type]", "true"),
        Mutant("choose", "call('ZCARD', ready) > from + looked", "true"),
        Mutant("choose", "bytes < READ_BYTES", "true", survives: "8 MiB of records: TypeTests"),
        Mutant("due", "'-inf', now_ms", "'-inf', '+inf'"),
        Mutant("due", "'-inf', now_ms", "'-inf', now_ms - 1"),
        Mutant("due", "redis.call('ZREM', scheduled, unpack(ids, 1, n))", ""),
        Mutant("due", "bytes < READ_BYTES", "true", survives: "8 MiB of records: LargeTests"),
        Mutant("first", "math.max(0,", "math.max(1,"),
        Mutant("promote", "if promoted > 0 then", "if false then"),
    ]

    private static let enqueues = [
        Mutant("enqueue", "if not fresh then", "if false then"),
        Mutant("enqueue", "due_ms = due_ms and now_ms + due_ms", "due_ms = due_ms and now_ms"),
        Mutant(
            "enqueue", "if due_ms <= now_ms and (is_ordered or not group.fresh) then",
            "if due_ms < now_ms and (is_ordered or not group.fresh) then"),
        Mutant("enqueue", "(is_ordered or not group.fresh)", "not group.fresh"),
        Mutant("enqueue", "            if due_ms <= now_ms then", "            if due_ms < now_ms then"),
        Mutant("enqueue", "wake = tonumber(head[2]) >= due_ms", "wake = false"),
        Mutant("enqueue", "if not wake then", "if false then"),
        Mutant("enqueue", "total > MAX_JOBS", "false"),
        Mutant("known", "if known[i] or seen[id] then", "if known[i] then"),
        Mutant("known", "if known[i] or seen[id] then", "if seen[id] then"),
        Mutant("known", "members[i] == 1", "false"),
        Mutant("known", "{ 'done', 'done_before' }", "{ 'done' }"),
        Mutant("known", "known[i] = known[i] or scores[i]", "", survives: "ids without a record: QuarantineTests"),
        Mutant("mark", "== 0 then", ">= 0 then"),
    ]

    private static let orders = [
        Mutant("order", "if tail and tail >= score then", "if false then"),
        Mutant("order", "not (compares_bytes and id > previous)", "false"),
        Mutant("order", "math.min(head or math.huge, score) - 1", "math.min(head or math.huge, score)"),
        Mutant("order", "math.min(head or math.huge, score) - 1", "score - 1"),
        Mutant("order", "(100 - record_priority(record)) * BAND + ticks", "100 * BAND + ticks"),
        Mutant("order", "math.max(-100, math.min(100, priority))", "0"),
        Mutant("order", "    if not name then", "    if true then"),
        Mutant("order", "score = math.min(place, score)", ""),
        Mutant(
            "order", "math.floor(place / pair) == math.floor(score / pair)", "true",
            survives: "a release after one weight has followed another: ReorderTests"),
        Mutant("orders", "(STACK_BAND + 1) * BAND - ticks, 'front'", "(STACK_BAND + 1) * BAND - ticks, 'end'"),
        Mutant("orders", "math.floor(10 * math.log(math.max(1, estimate_ms)))", "7"),
        Mutant("orders", "if deadline_ms then", "if false then"),
        Mutant("orders", "(100 - record_priority(record)) * step", "0"),
        Mutant("orders", "learned_us[type] / 1000", "learned_us[type]"),
        Mutant("orders", "record_option(record, 'e') or learned_ms(record)", "record_option(record, 'e')"),
        Mutant("learn", "~= 'shortest'", "== 'x'"),
        Mutant("learn", "KNOWN_RUNS * known_us + us", "us"),
        Mutant("learn", "known_us or count < MAX_TYPES", "true", survives: "1,000 types: LearnTests"),
        Mutant("learn", "number >= low and", ""),
        Mutant("learn", "number <= high and", ""),
        Mutant("arrival", "ticks = (STACK_BAND + 1) * BAND - score", "ticks = score % BAND"),
        Mutant("arrival", "* weight_ms * 8", "* 0"),
        Mutant("configure", "old_order ~= new_order and", "false and"),
        Mutant("change", "priority ~= record_priority(record)", "false"),
        Mutant("change", "                    replace(id, record, before, score)\n", ""),
        Mutant("change", "            call('ZREM', scheduled, id)\n", ""),
        Mutant("change", "return tonumber(head[2]) >= due_ms", "return false", survives: woken),
        Mutant("change", "if wake then", "if false then", survives: woken),
        Mutant("options", "    if value then", "    if false then"),
    ]

    private static let settles = [
        Mutant("ack", "call('SADD', done, unpack(held))", ""),
        Mutant("ack", "call('HDEL', prefix .. 'jobs', unpack(held))", ""),
        Mutant("ack", "        if extras then", "        if false then"),
        Mutant("ack", "call('SCARD', done) >= MAX_DONE", "false", survives: "100,000 done ids: TrimTests"),
        Mutant("way_out", "    if whole then", "    if false then", survives: "the same, by more commands"),
        Mutant("way_out", "    forget_unused(prefix, deadlines)\n", ""),
        Mutant("nack", "failures >= max_failures", "failures > max_failures"),
        Mutant("nack", "verdict == 'reject' or", "false or"),
        Mutant("nack", "local record = not unwanted and not ends and", "local record = not unwanted and"),
        Mutant("nack", "local record = not unwanted and not ends and", "local record = not ends and"),
        Mutant(
            "nack", "math.max(0, delay_ms) > until_ms", "math.max(0, delay_ms) >= until_ms",
            survives: "the last ms of a window: HistoryTests"),
        Mutant(
            "nack", "if until_ms and now_ms + math.max(0, delay_ms) > until_ms then",
            "if until_ms and now_ms > until_ms then"),
        Mutant("nack", "        note_attempt(prefix, id, kind, now_ms, lease, reason)\n", ""),
        Mutant(
            "history", "if count >= MAX_ATTEMPTS then", "if false then",
            survives: "more than ten attempts: HistoryTests"),
        Mutant("history", "string.sub(reason, 1, MAX_ERROR)", "reason", survives: "errors of 300 bytes: HistoryTests"),
        Mutant("history", "    note_extras(prefix, 'history')\n", ""),
        Mutant("terms", "now_ms + math.min", "math.min"),
        Mutant("nack", "if verdict ~= 'cancel' then", "if true then"),
        Mutant("nack", "or call('HEXISTS', prefix .. 'cancels', id) == 1", ""),
        Mutant("nack", "elseif delay_ms > 0 then", "elseif false then"),
        Mutant("nack", "wake or tonumber(head[2]) >= due_ms", "wake"),
        Mutant("nack", "if wake then", "if false then"),
        Mutant("release", "if not seen[id] then", "if true then"),
        Mutant("release", "if call('HEXISTS', prefix .. 'cancels', id) == 1 then", "if false then"),
        Mutant("release", "elseif delay_ms > 0 then", "elseif true then"),
        Mutant("release", "for i = #held, 1, -1 do", "for i = 1, #held do"),
        Mutant("release", "    mark(prefix)\n", ""),
        Mutant("extend", "\nforget_unused(prefix, ends)\n", "\n"),
        Mutant("extend", "if reasons[i] then", "if false then"),
        Mutant("extend", "now_us + lease_ms * 1000", "now_us"),
    ]

    private static let reaps = [
        Mutant("reap", "string.format('%d', now_us), 'WITHSCORES'", "'+inf', 'WITHSCORES'"),
        Mutant("reap", "string.format('%d', now_us), 'WITHSCORES'", "string.format('%d', now_us - 1), 'WITHSCORES'"),
        Mutant("reap", "lapses = lapses + 1", "lapses = lapses + 0"),
        Mutant("reap", "lapses >= (record_option", "lapses > (record_option"),
        Mutant("reap", "(record_option(record, 'x') or max_lapses)", "max_lapses"),
        Mutant("reap", "call('HEXISTS', prefix .. 'cancels', id) == 1", "false"),
        Mutant("reap", "for i = #lapsed - 1, 1, -2 do", "for i = 1, #lapsed, 2 do"),
        Mutant("reap", "    forget_unused(prefix, deadlines)\n", ""),
        Mutant("reap", "    if ready > 0 then", "    if false then"),
        Mutant("reap", "    if not record then", "    if false then", survives: "ids without a record: ReapTests"),
        Mutant("reap", "note_attempt(prefix, id, 'lapsed',", "(function() end)(prefix, id, 'lapsed',"),
        Mutant("expel", "lease_holder(entries[i + 1]) == consumer", "true"),
        Mutant("expel", "and deadline_us > now_us", ""),
        Mutant("expel", "expelled >= MAX_JOBS", "false", survives: "only the length of a step is another: WatchTests"),
    ]

    private static let controls = [
        Mutant("cancel", "state == 'ready' or state == 'scheduled' or state == 'dead'", "state == 'ready'"),
        Mutant("cancel", "call('ZREM', prefix .. state, id)", ""),
        Mutant("cancel", "if state == 'leased' then", "if false then"),
        Mutant("redrive", "if state == 'dead' or state == 'cancelled' then", "if state == 'dead' then"),
        Mutant("redrive", "if redriven > 0 then", "if false then"),
        Mutant("finish", "if why then", "if false then"),
        Mutant("redrive", "start_by_ms and start_by_ms < now_ms", "false"),
        Mutant("extras", "redis.call('HDEL', prefix .. name, unpack(ids))", ""),
        Mutant("edit", "state == 'leased' or", ""),
        Mutant("edit", "header .. ARGV[2 * i]", "header"),
        Mutant("edit", "or n > MAX_JOBS", "", survives: "more than 1,000 ids: EditTests"),
        Mutant("purge", "ids = redis.call('ZRANGE', prefix .. state, 0, limit - 1)", "ids = {}"),
        Mutant("trim", "math.max(old, call('ZCARD', index) - keep)", "old"),
        Mutant("trim", "math.max(old, call('ZCARD', index) - keep)", "call('ZCARD', index) - keep"),
        Mutant("trim", "now_ms - since >= keep_ms", "false"),
        Mutant("done", "redis.call('RENAME', done, before)", "redis.call('UNLINK', done)"),
        Mutant("tries", "string.sub(reason, 1, MAX_REASON)", "reason", survives: "reasons of 1,000 bytes: NackTests"),
    ]

    private static let bounds = [
        Mutant(
            "limits", "math.min(math.floor(limit), MAX_JOBS)", "math.floor(limit)",
            survives: "more than 1,000 ready jobs: ClaimTests"),
        Mutant("groups", "or grouped > MAX_JOBS", ""),
        Mutant("nack", "or n > MAX_JOBS", ""),
        Mutant("cancel", "or n > MAX_JOBS", "", survives: "more than 1,000 ids: ControlTests"),
    ]
}
