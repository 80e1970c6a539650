extension Mutant {
    static let results = [
        Mutant("answer", "keep_results(prefix, ids, results, expiries)", ""),
        Mutant("answer", "call('SADD', done, unpack(ids))", ""),
        Mutant("answer", "drop_extras(prefix, fields[1], ids)", ""),
        Mutant("answer", "now_ms + tonumber(ARGV[at + 2])", "now_ms"),
        Mutant("answer", "trim_results(prefix, now_ms, 2 * #ids + 10, keep, keep_bytes)", ""),
        Mutant("results", "count <= keep and", "true and"),
        Mutant(
            "results", "bytes - freed <= keep_bytes", "true",
            survives: "histories seldom have many bytes of results: ChangeConformanceTests"),
        Mutant("results", "tonumber(first[i + 1]) > now_ms and", "true and"),
        Mutant("results", "call('HSTRLEN', hash, first[i])", "0"),
        Mutant("note", "if refused[2] then", "if false then"),
        Mutant("note", "note_extras(prefix, what)", ""),
        Mutant("extras", "redis.call('HDEL', prefix .. name, unpack(ids))", ""),
        Mutant("trim", "call('EXISTS', prefix .. string.sub(name, 1, -2)) == 1", "false"),
    ]
}
