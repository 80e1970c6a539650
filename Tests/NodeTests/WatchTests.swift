import StintCore
import StintRedis
import Testing

@testable import StintRuntime

extension NodeTests {
    /// Looks go in, verdicts come out: no server, no clock.
    @Suite struct WatchTests {
        let me = try! ConsumerID(name: "me")
        let other = try! ConsumerID(name: "other")
        let own = RedisSession(runID: "life", clientID: 1)
        let session = RedisSession(runID: "life", clientID: 7)
        let now = ContinuousClock.now
        var watch = Watch()

        init() {
            watch.looks(through: 1, now: now)
        }
    }
}

extension NodeTests.WatchTests {
    @Test func `another node of this life of the server is looked for, this node itself is not`() {
        #expect(watch.candidates([me: own, other: session], of: me, on: own) == [other: session])
    }

    @Test func `a session of another life of the server is never looked for`() {
        let past = RedisSession(runID: "past", clientID: 7)
        #expect(watch.candidates([other: past], of: me, on: own).isEmpty)
    }

    @Test mutating func `a node is gone when it was missed for the grace, and not before`() {
        watch.saw([other: session], connected: [])
        #expect(watch.suspects == [other: session])
        let early = watch.missed([other: .milliseconds(999)])
        #expect(early.gone.isEmpty && early.again == .milliseconds(1))
        let late = watch.missed([other: .seconds(1)])
        #expect(late.gone.map(\.0) == [other] && late.again == nil)
    }

    @Test mutating func `a node that is connected is no suspect`() {
        watch.saw([other: session], connected: [7])
        #expect(watch.suspects.isEmpty)
    }

    @Test mutating func `a node that has come back with another session is no suspect any more`() {
        watch.saw([other: session], connected: [])
        let gone = watch.missed([:]).gone
        #expect(gone.isEmpty && watch.suspects.isEmpty)
        let new = RedisSession(runID: "life", clientID: 8)
        watch.saw([other: session], connected: [])
        watch.saw([other: new], connected: [8])
        #expect(watch.suspects.isEmpty)
    }

    @Test mutating func `a node whose own connection was made anew forgets whom it missed, and judges nobody for 5 s`()
    {
        watch.saw([other: session], connected: [])
        watch.looks(through: 1, now: now)
        #expect(watch.mayJudge(now) && watch.suspects.count == 1)
        watch.looks(through: 2, now: now)
        #expect(watch.suspects.isEmpty && !watch.mayJudge(now))
        #expect(!watch.mayJudge(now.advanced(by: .milliseconds(4999))))
        #expect(watch.mayJudge(now.advanced(by: .seconds(5))))
    }

    @Test mutating func `a verdict is given once for a session, and again for the next one`() {
        watch.saw([other: session], connected: [])
        watch.finished(other, session)
        #expect(watch.suspects.isEmpty)
        #expect(watch.candidates([other: session], of: me, on: own).isEmpty)
        let new = RedisSession(runID: "life", clientID: 8)
        #expect(watch.candidates([other: new], of: me, on: own) == [other: new])
    }

    @Test mutating func `an idle node is called when nobody else looks, three times a minute at most`() {
        let calls = (0..<9).map { _ in watch.shouldCall(isSeen: false, others: 1, now: now) }
        #expect(calls == [true, true, true] + Array(repeating: false, count: 6))
        let later = watch.shouldCall(isSeen: false, others: 1, now: now.advanced(by: .seconds(60)))
        #expect(later)
    }

    @Test mutating func `nobody is called while another node looks, or when there is none`() {
        let seen = watch.shouldCall(isSeen: true, others: 1, now: now)
        let alone = watch.shouldCall(isSeen: false, others: 0, now: now)
        #expect(!seen && !alone)
    }

    @Test mutating func `after another node has looked and stopped an idle one is called anew`() {
        for _ in 0..<4 { _ = watch.shouldCall(isSeen: false, others: 1, now: now) }
        _ = watch.shouldCall(isSeen: true, others: 1, now: now)
        let again = watch.shouldCall(isSeen: false, others: 1, now: now)
        #expect(again)
    }
}
