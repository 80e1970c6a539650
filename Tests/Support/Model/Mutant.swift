import StintLua

/// A script set with one guard less. The model test has to see it.
package struct Mutant: Sendable, CustomStringConvertible {
    /// The file in `Lua/`, and what of its text becomes what.
    package let file, text, becomes: String
    /// Why nothing that the model test can see is another without this guard; `nil` = it has to be seen.
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
        holders + claims + enqueues + settles + reaps + controls + bounds + events + results

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
        Mutant("claim", "local more = #ids > limit", "local more = false"),
        Mutant("claim", "own_ms and own_ms > 0", "false"),
        Mutant("claim", "now_us + length_ms * 1000", "now_us"),
        Mutant(
            "claim", "if more or due_in == 0 then", "if more then",
            survives: "more than 200 due jobs: ClaimLimitTests"),
        Mutant("claim", "if more or due_in == 0 then", "if due_in == 0 then"),
        Mutant("claim", "    mark(prefix)\n", ""),
        Mutant("claim", "prefix .. 'tries') == 1", "prefix .. 'tries') == 2"),
        Mutant("claim", "taken == 1 and '0' or format('%d', taken - 1)", "'0'"),
        Mutant("claim", "bytes > MAX_BYTES and i > 1", "false", survives: "8 MiB of records: ClaimLimitTests"),
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
            "enqueue", "if due_ms <= now_ms and not group.fresh then", "if due_ms < now_ms and not group.fresh then"),
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
        Mutant("order", "if tail and tail >= score then", "if false then"),
        Mutant("order", "not (compares_bytes and id > previous)", "false"),
        Mutant("order", "math.floor(now_us / TICK_US)) - 1", "math.floor(now_us / TICK_US))"),
        Mutant("order", "math.min(head or math.huge,", "math.min(math.huge,"),
        Mutant("order", "local band = (100 - priority) * BAND", "local band = 100 * BAND"),
        Mutant("order", "math.max(-100, math.min(100, priority))", "0"),
    ]

    private static let settles = [
        Mutant("ack", "call('SADD', done, unpack(held))", ""),
        Mutant("ack", "call('HDEL', prefix .. 'jobs', unpack(held))", ""),
        Mutant("ack", "call('EXISTS', tries, cancels) > 0", "false"),
        Mutant("ack", "call('SCARD', done) >= MAX_DONE", "false", survives: "100,000 done ids: TrimTests"),
        Mutant("way_out", "    if whole then", "    if false then", survives: "the same, by more commands"),
        Mutant("way_out", "    forget_unused(prefix, deadlines)\n", ""),
        Mutant("nack", "failures >= max_failures", "failures > max_failures"),
        Mutant("nack", "verdict == 'reject' or", "false or"),
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
        Mutant("finish", "    redis.call('HDEL', prefix .. 'tries', unpack(ids))\n", ""),
        Mutant("purge", "local ids = redis.call('ZRANGE', prefix .. state, 0, limit - 1)", "local ids = {}"),
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
