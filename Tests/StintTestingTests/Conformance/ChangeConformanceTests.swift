import NIOCore
import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ChangeConformanceTests {
    @Test(arguments: Kind.allCases)
    func `only a job that waits is changed`(kind: Kind) async throws {
        for state in JobState.allCases {
            let stage = try await Stage(kind)
            try await stage.bring("a", to: state)
            let waits = state == .ready || state == .scheduled
            let answer = waits ? ChangeOutcome.changed : try #require(ChangeOutcome(rawValue: state.rawValue))
            #expect(try await stage.change("a", "unknown", priority: 3) == [answer, .unknown], "\(state)")
            if state != .done { #expect(try await stage.detail("a").header?.priority == (waits ? 3 : 0), "\(state)") }
        }
    }

    @Test(arguments: Kind.allCases)
    func `a changed priority counts, and the time of arrival stays`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        stage.at(ms: 10)
        try await stage.enqueue("b", priority: 5)
        stage.at(ms: 20)
        try await stage.enqueue("c")
        _ = try await stage.change("c", "a", priority: 5)
        #expect(try await stage.ids(.ready) == ["a", "b", "c"])
        #expect(try await stage.stats().oldestReady == .milliseconds(20))
        #expect(try await stage.claim().ids == ["a", "b", "c"])
    }

    @Test(arguments: Kind.allCases)
    func `a job is due at its new time`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        try await stage.enqueue("later", due: .after(.seconds(60)))
        #expect(try await stage.change("a", due: .after(.milliseconds(30))) == [.changed])
        #expect(try await stage.change("b", due: .at(ms: Stage.startUs / 1000 + 20)) == [.changed])
        #expect(try await stage.change("later", "c", due: .now) == [.changed, .changed])
        #expect(try await stage.claim().ids == ["c", "later"])
        #expect(try await stage.claim().dueIn == .milliseconds(20))
        stage.at(ms: 30)
        #expect(try await stage.claim().ids == ["b", "a"])
    }

    @Test(arguments: Kind.allCases)
    func `a change that makes no sense is refused`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        try await stage.expectRefused("change") { _ = try await stage.change("a", priority: 101) }
        try await stage.expectRefused("change") { _ = try await stage.change("a", due: .at(ms: 1 << 53)) }
        let many = (0...1000).map { JobID(unchecked: "\($0)") }
        try await stage.expectRefused("change") {
            _ = try await stage.store.change(many, on: stage.queue, priority: 1, due: nil)
        }
        try await stage.expectRefused("edit") {
            _ = try await stage.store.edit(many.map { ($0, ByteBuffer()) }, on: stage.queue)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a job that is not running or done gets another payload`(kind: Kind) async throws {
        for state in JobState.allCases {
            let stage = try await Stage(kind)
            try await stage.bring("a", to: state)
            let isEdited = state != .leased && state != .done
            let answer = isEdited ? EditOutcome.edited : try #require(EditOutcome(rawValue: state.rawValue))
            #expect(try await stage.edit("a", "unknown", to: "new") == [answer, .unknown], "\(state)")
            #expect(try await stage.state("a") == state)
            if state != .done {
                #expect(
                    try await stage.detail("a").payload == ByteBuffer(string: isEdited ? "new" : "payload of a"),
                    "\(state)")
            }
        }
    }

    @Test(arguments: Kind.allCases)
    func `what a codec wrote is not edited`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        var job = stage.job("a")
        job.header.codec = "aead k1"
        try await stage.enqueue([job])
        #expect(try await stage.edit("a", to: "new") == [.encoded])
        #expect(try await stage.detail("a").payload == ByteBuffer(string: "payload of a"))
    }

    @Test(arguments: Kind.allCases)
    func `a result is kept until its time is over`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b")
        #expect(try await stage.result("a") == nil)
        let held = try await stage.held()
        let answers = held.map {
            Answer($0, keep: .milliseconds($0.id.rawValue == "a" ? 10 : 20), result: ByteBuffer(string: "of \($0.id)"))
        }
        let settlement = try await stage.store.answer(
            answers, on: stage.queue, by: stage.me, keeping: 100, bytes: 1000)
        #expect(settlement.accepted == 2)
        #expect(try await stage.result("a") == "of a")
        stage.at(ms: 10)
        #expect(try await stage.store.trimResults(1000, on: stage.queue, keeping: 100, bytes: 1000) == 1)
        #expect(try await stage.result("a") == nil)
        #expect(try await stage.result("b") == "of b")
        #expect(try await stage.store.trimResults(1000, on: stage.queue, keeping: 100, bytes: 1) == 1)
        #expect(try await stage.result("b") == nil)
    }
}

extension Stage {
    fileprivate func change(_ ids: String..., priority: Int? = nil, due: StintStore.Due? = nil) async throws
        -> [ChangeOutcome]
    {
        try await store.change(ids.map { JobID(unchecked: $0) }, on: queue, priority: priority, due: due)
    }

    fileprivate func edit(_ ids: String..., to text: String) async throws -> [EditOutcome] {
        try await store.edit(ids.map { (JobID(unchecked: $0), ByteBuffer(string: text)) }, on: queue)
    }

    fileprivate func result(_ id: String) async throws -> String? {
        try await store.result(of: JobID(unchecked: id), on: queue).map { String(buffer: $0) }
    }
}
