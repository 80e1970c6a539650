import Testing

@testable import StintRedis

struct RedisErrorTests {
    struct Row: Sendable {
        let text: String
        let code: RedisError.Code
        let disposition: RedisError.Disposition
    }

    static let rows = [
        Row(text: "NOSCRIPT No matching script.", code: .noScript, disposition: .tryAgain),
        Row(text: "READONLY You can't write against a read only replica.", code: .readOnly, disposition: .reconnect),
        Row(text: "LOADING Redis is loading the dataset in memory", code: .loading, disposition: .tryAgain),
        Row(text: "MOVED 3999 127.0.0.1:6381", code: .moved, disposition: .final),
        Row(text: "ASK 3999 127.0.0.1:6381", code: .ask, disposition: .final),
        Row(text: "TRYAGAIN Multiple keys request during rehashing of slot", code: .tryAgain, disposition: .tryAgain),
        Row(text: "CLUSTERDOWN Hash slot not served", code: .clusterDown, disposition: .tryAgain),
        Row(text: "MASTERDOWN Link with MASTER is down", code: .masterDown, disposition: .reconnect),
        Row(
            text: "OOM command not allowed when used memory > 'maxmemory'.", code: .outOfMemory, disposition: .tryAgain),
        Row(text: "NOAUTH Authentication required.", code: .noAuth, disposition: .final),
        Row(text: "WRONGPASS invalid username-password pair", code: .wrongPass, disposition: .final),
        Row(text: "NOPERM this user has no permissions", code: .noPermission, disposition: .final),
        Row(text: "BUSY Redis is busy running a script.", code: .busy, disposition: .tryAgain),
        Row(text: "MISCONF Redis is configured to save RDB snapshots", code: .misconfigured, disposition: .tryAgain),
        Row(text: "NOREPLICAS Not enough good replicas to write.", code: .noReplicas, disposition: .tryAgain),
        Row(text: "WRONGTYPE Operation against a key", code: .wrongType, disposition: .final),
        Row(
            text: "UNKILLABLE Sorry the script already executed write commands", code: .unkillable,
            disposition: .tryAgain),
        Row(text: "EXECABORT Transaction discarded", code: .execAbort, disposition: .final),
        Row(text: "ERR user_script:1: attempt to index nil script: abc", code: .scriptError, disposition: .final),
        Row(text: "ERR Error compiling script (new function)", code: .scriptError, disposition: .final),
        // An error that a command in a script met keeps its own kind.
        Row(
            text: "OOM command not allowed script: abc, on @user_script:1.", code: .outOfMemory, disposition: .tryAgain),
        Row(text: "ERR max number of clients reached", code: .connectFailed, disposition: .reconnect),
        Row(text: "ERR unknown command", code: .other("ERR"), disposition: .final),
        Row(text: "CUSTOM anything", code: .other("CUSTOM"), disposition: .final),
        Row(text: "", code: .other(""), disposition: .final),
    ]

    @Test(arguments: rows) func `an error reply has its code and what to do about it`(_ row: Row) {
        let error = RedisError(reply: row.text, operation: "GET k")
        #expect(error.code == row.code)
        #expect(error.disposition == row.disposition)
        #expect(!error.mayHaveRun)
        #expect(!error.advice.isEmpty)
    }

    @Test func `the table has a row for every kind of error reply`() {
        #expect(Set(RedisError.Code.replies.values).isSubset(of: Self.rows.map(\.code)))
    }

    @Test func `trouble with the connection has a disposition`() {
        let rows: [(RedisError.Code, RedisError.Disposition)] = [
            (.connectFailed, .reconnect), (.connectionLost, .reconnect), (.timeout, .reconnect),
            (.protocolError, .reconnect),
            (.closed, .final), (.cancelled, .final), (.badURL, .final), (.tls, .final),
        ]
        for (code, disposition) in rows { #expect(code.disposition == disposition, "\(code)") }
    }

    @Test func `only a replica's answers drop the connection`() {
        let dropping = Self.rows.filter { $0.code.dropsConnection }.map(\.code)
        #expect(dropping == [.readOnly, .masterDown])
    }

    @Test func `a description says what, why, how sure and what to do`() {
        let error = RedisError(.connectionLost, operation: "SET k", message: "it broke", mayHaveRun: true)
        #expect(
            error.description
                == "SET k: it broke [connectionLost] (the command may have run). "
                + "A new connection is being made; repeat the call if it may run twice")
    }
}
