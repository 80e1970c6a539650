import NIOCore
import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EnqueueConformanceTests {
    @Test(arguments: Kind.allCases)
    func `jobs are ready by priority, then in the order of their enqueue`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        #expect(try await stage.enqueue("c", "a") == [.accepted, .accepted])
        try await stage.enqueue("b", priority: 7)
        try await stage.enqueue("z", priority: -7)
        try await stage.enqueue("0")
        #expect(try await stage.ids(.ready) == ["b", "c", "a", "0", "z"])
        #expect(try await stage.claim().ids == ["b", "c", "a", "0", "z"])
    }

    @Test(arguments: Kind.allCases)
    func `an id is accepted once, and nothing about its job is changed`(kind: Kind) async throws {
        for state in JobState.allCases {
            let stage = try await Stage(kind)
            try await stage.bring("a", to: state)
            let before = try await stage.detail("a")
            #expect(try await stage.enqueue("a", "b", priority: 3) == [.exists(state), .accepted], "\(state)")
            let after = try await stage.detail("a")
            #expect((after.state, after.whenMs, after.header) == (before.state, before.whenMs, before.header))
            #expect(try await stage.state("b") == .ready)
        }
    }

    @Test(arguments: Kind.allCases)
    func `of an id that stands in a call twice the first is accepted`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        let jobs = ["a", "b", "a", "a"].map { stage.job($0) }
        #expect(try await stage.enqueue(jobs) == [.accepted, .accepted, .exists(.ready), .exists(.ready)])
        #expect(try await stage.ids(.ready) == ["a", "b"])
        #expect(try await stage.stats().enqueuedTotal == 2)
    }

    @Test(arguments: Kind.allCases)
    func `fresh ids are not looked up`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        #expect(try await stage.enqueue(["a", "b"].map { stage.job($0, isFresh: true) }) == [.accepted, .accepted])
        #expect(try await stage.claim().ids == ["a", "b"])
    }

    @Test(arguments: Kind.allCases)
    func `a job waits until it is due, to the ms`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("after", due: .after(.milliseconds(5)))
        try await stage.enqueue("rounded", due: .after(.microseconds(5001)))
        try await stage.enqueue("at", due: .at(ms: Stage.startUs / 1000 + 7))
        try await stage.enqueue("past", due: .at(ms: 1))
        try await stage.enqueue("negative", due: .after(.seconds(-1)))
        #expect(try await stage.ids(.scheduled) == ["after", "rounded", "at"])
        #expect(try await stage.claim().ids == ["past", "negative"])
        stage.setUs(Stage.startUs + 4_999)
        #expect(try await stage.claim().ids.isEmpty)
        #expect(try await stage.stats().dueIn == .milliseconds(1))
        for (ms, id) in [(5, "after"), (6, "rounded"), (7, "at")] {
            stage.at(ms: Int64(ms))
            #expect(try await stage.claim().ids == [id])
        }
    }

    @Test(arguments: Kind.allCases)
    func `a job keeps its header and its payload`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        let header = JobHeader(
            type: "t.u-v_w", priority: -3, lease: .milliseconds(1500), maxFailures: 4, maxLapses: 5)
        let bytes = ByteBuffer(bytes: (0..<1000).map { UInt8($0 % 256) })
        try await stage.enqueue([
            NewJob(id: JobID(unchecked: "a"), isFresh: false, header: header, payload: bytes)
        ])
        let job = try #require(try await stage.claim().jobs.first)
        #expect((job.header, job.payload) == (header, bytes))
        let detail = try await stage.detail("a")
        #expect((detail.header, detail.payload) == (header, bytes))
    }

    @Test(arguments: Kind.allCases)
    func `a header keeps what its line can say`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", lease: .microseconds(100_500))
        #expect(try await stage.detail("a").header?.lease == .milliseconds(101))
    }

    @Test(arguments: Kind.allCases, [0, 1, 999, 1000])
    func `a call takes up to a thousand jobs`(kind: Kind, count: Int) async throws {
        let stage = try await Stage(kind)
        let outcomes = try await stage.enqueue((0..<count).map { stage.job("\(10_000 + $0)") })
        #expect(outcomes == Array(repeating: .accepted, count: count))
        #expect(try await stage.stats().ready == count)
        #expect(try await stage.stats().enqueuedTotal == count)
    }

    @Test(arguments: Kind.allCases)
    func `malformed enqueues are refused whole`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.expectRefused("enqueue") {
            try await stage.enqueue((0..<1001).map { stage.job("\($0)") })
        }
        try await stage.expectRefused("enqueue") {
            try await stage.enqueue([stage.job("a"), stage.job("b", due: .at(ms: 1 << 53))])
        }
        #expect(try await stage.state("a") == nil)
    }

    @Test(arguments: Kind.allCases)
    func `a job is ready for as long as it waits`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        #expect(try await stage.stats().oldestReady == nil)
        try await stage.enqueue("a", "b")
        stage.at(ms: 4000)
        try await stage.enqueue("c", priority: 9)
        stage.at(ms: 10_000)
        #expect(try await stage.stats().oldestReady == .seconds(10))
        let held = try await stage.held(3)
        #expect(try await stage.stats().oldestReady == nil)
        _ = try await stage.nack(held[1])
        stage.at(ms: 12_000)
        #expect(try await stage.stats().oldestReady == .seconds(2))
    }
}
