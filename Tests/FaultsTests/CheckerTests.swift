import FaultChecker
import Testing

/// Each check over a history that a right system may write, and over one that it must not.
struct CheckerTests {
    private func judge(_ story: Story, _ promise: Promise = Promise()) -> Verdict {
        Checker.judge(story.evidence, promise)
    }

    private func broken(_ story: Story, _ promise: Promise = Promise()) -> Set<Check> {
        Set(judge(story, promise).violations.map(\.check))
    }

    @Test func `a job that is enqueued, run and acked breaks nothing`() {
        let verdict = judge(Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").ack("a", 1, by: "n1"))
        #expect(verdict.isGood)
        #expect((verdict.attempted, verdict.acknowledged, verdict.ok, verdict.lost) == (1, 1, 1, 0))
        #expect((verdict.duplicated, verdict.unexplained, verdict.recovered) == (0, 0, 0))
    }

    @Test func `C0 reports a fault that has struck nothing`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").ack("a", 1, by: "n1")
        for promise in [
            Promise.with { $0.leastLapses = 1 }, .with { $0.leastRefusals = 1 }, .with { $0.leastLost = 1 },
        ] { #expect(broken(story, promise) == [.c0]) }
        let struck = Story().enqueue("a").lapse("a", 1).store("a", "done")
        #expect(broken(struck, .with { $0.leastLapses = 1 }).isEmpty)
    }

    // MARK: C1

    @Test func `C1 reports an accepted job that is nowhere`() {
        let story = Story().enqueue("a").enqueue("b").store("b", "done")
        #expect(broken(story) == [.c1])
        #expect(judge(story).lost == 1)
    }

    @Test func `C1 reports an accepted job that nobody runs`() {
        let story = Story().enqueue("a").store("a", "ready")
        #expect(broken(story) == [.c1])
        #expect(broken(story, .with { $0.mayBeUnfinished = true }).isEmpty)
    }

    @Test func `C1 does not ask for jobs whose enqueue was refused or not answered`() {
        let story = Story().attempt("a", .fail).attempt("b", .info).attempt("c", .info).store("c", "done")
        let verdict = judge(story)
        #expect(verdict.isGood)
        #expect((verdict.attempted, verdict.acknowledged, verdict.lost, verdict.recovered) == (3, 0, 0, 1))
    }

    @Test func `C1 takes a dead job for one that is kept`() {
        let verdict = judge(Story().enqueue("a").store("a", "dead"))
        #expect(verdict.isGood && verdict.kept == 1)
    }

    @Test func `C1 bears the loss of what was accepted within the window before a kill, and of nothing else`() {
        let window = Promise.with { $0.loss = .window(seconds: 2) }
        #expect(broken(Story().enqueue("a").wait(1).fault("server kill"), window).isEmpty)
        #expect(broken(Story().enqueue("a").wait(3).fault("server kill"), window) == [.c1])
        #expect(broken(Story().fault("server kill").enqueue("a"), window) == [.c1])
        #expect(judge(Story().enqueue("a").wait(1).fault("server kill"), window).lost == 1)
    }

    // MARK: C2

    @Test func `C2 reports jobs that nobody enqueued`() {
        #expect(broken(Story().store("ghost", "ready")).contains(.c2))
        #expect(broken(Story().claim("ghost", 1, by: "n1")).contains(.c2))
    }

    @Test func `C2 reports a job that is there although its enqueue was refused`() {
        #expect(broken(Story().attempt("a", .fail).store("a", "done")) == [.c2])
    }

    // MARK: C3

    @Test func `C3 reports a job that was acked twice`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").ack("a", 1, by: "n1")
            .lapse("a", 1).claim("a", 2, by: "n2", lapses: 1).run("a", 2, by: "n2").ack("a", 2, by: "n2")
        #expect(broken(story) == [.c3])
    }

    @Test func `C3 reports a settle that was accepted after a later claim`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").lapse("a", 1)
            .claim("a", 2, by: "n2", lapses: 1).settle("a", 1, by: "n1", "retry").store("a", "done")
        #expect(broken(story) == [.c3])
    }

    @Test func `C3 bears a zombie whose ack is refused`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").lapse("a", 1)
            .claim("a", 2, by: "n2", lapses: 1).settle("a", 1, by: "n1", "ack", .fail)
            .run("a", 2, by: "n2").ack("a", 2, by: "n2")
        let verdict = judge(story)
        #expect(verdict.isGood)
        #expect((verdict.duplicated, verdict.unexplained, verdict.refused) == (1, 0, 1))
    }

    @Test func `C3 reports one token for two claims`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").lapse("a", 1).claim("a", 1, by: "n2", lapses: 1)
            .store("a", "done")
        #expect(broken(story).contains(.c3))
    }

    // MARK: C4

    @Test func `C4 reports a claim before the due time`() {
        let early = Story().enqueue("a", dueMs: 5000).claim("a", 1, by: "n1", serverMs: 4999).store("a", "done")
        #expect(broken(early) == [.c4])
        let right = Story().enqueue("a", dueMs: 5000).claim("a", 1, by: "n1", serverMs: 5000).store("a", "done")
        #expect(broken(right).isEmpty)
    }

    // MARK: C5

    @Test func `C5 reports runs that overlap although no lease had ended`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").begin("a", 1, by: "n1")
            .claim("a", 2, by: "n2", failures: 1).begin("a", 2, by: "n2").end("a", 1, by: "n1").end("a", 2, by: "n2")
            .ack("a", 2, by: "n2")
        #expect(broken(story) == [.c5])
    }

    @Test func `C5 bears an overlap after a lapse`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").begin("a", 1, by: "n1")
            .claim("a", 2, by: "n2", lapses: 1).begin("a", 2, by: "n2").end("a", 1, by: "n1").end("a", 2, by: "n2")
            .ack("a", 2, by: "n2")
        #expect(broken(story).isEmpty)
    }

    // MARK: C6

    @Test func `C6 reports attempts that are not counted`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").lapse("a", 1)
            .claim("a", 2, by: "n2", lapses: 0).run("a", 2, by: "n2").ack("a", 2, by: "n2")
        #expect(broken(story) == [.c6])
    }

    @Test func `C6 reports attempts that fall, and attempts that nobody made`() {
        let falling = Story().enqueue("a").claim("a", 1, by: "n1", lapses: 2).claim("a", 2, by: "n2", lapses: 1)
        #expect(broken(falling.store("a", "done")).contains(.c6))
        let jumping = Story().enqueue("a").claim("a", 1, by: "n1").claim("a", 2, by: "n2", lapses: 3)
        #expect(broken(jumping.store("a", "done")).contains(.c6))
    }

    // MARK: C7, C8, C9, C10

    @Test func `C7 reports what the look at the store complained of`() {
        #expect(broken(Story().enqueue("a").store("a", "done").complain("an id without a record")) == [.c7])
        #expect(broken(Story().enqueue("a").store("a", "done").complain()).isEmpty)
    }

    @Test func `C8 reports a job of a killed node that waits too long`() {
        let bound = Promise.with { $0.recovery = .seconds(3) }
        func story(_ seconds: Double) -> Story {
            Story().enqueue("a").claim("a", 1, by: "n1").begin("a", 1, by: "n1").fault("kill", "n1").wait(seconds)
                .lapse("a", 1).claim("a", 2, by: "n2", lapses: 1).run("a", 2, by: "n2").ack("a", 2, by: "n2")
        }
        #expect(broken(story(2), bound).isEmpty)
        #expect(broken(story(4), bound) == [.c8])
        #expect((judge(story(2), bound).recoverySeconds ?? 0) >= 2)
    }

    @Test func `C8 reports a server after whose return nobody works`() {
        let bound = Promise.with { $0.recovery = .seconds(3) }
        let story = Story().enqueue("a").fault("server kill").fault("server up").wait(5).claim("a", 1, by: "n1")
            .run("a", 1, by: "n1").ack("a", 1, by: "n1")
        #expect(broken(story, bound) == [.c8])
    }

    @Test func `C9 reports a second run that nothing explains`() {
        let story = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1")
            .claim("a", 2, by: "n2").run("a", 2, by: "n2").ack("a", 2, by: "n2")
        let verdict = judge(story)
        #expect(broken(story) == [.c9])
        #expect((verdict.duplicated, verdict.unexplained) == (1, 1))
        #expect(broken(story, .with { $0.serverMayForget = true }).isEmpty)
    }

    @Test func `C9 does not count a retry, and counts what no row may have`() {
        let retried = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1").settle(
            "a", 1, by: "n1", "retry"
        )
        .claim("a", 2, by: "n2", failures: 1).run("a", 2, by: "n2").ack("a", 2, by: "n2")
        #expect(judge(retried, .with { $0.duplicates = .none }).isGood)
        let released = Story().enqueue("a").claim("a", 1, by: "n1").run("a", 1, by: "n1")
            .settle("a", 1, by: "n1", "release").claim("a", 2, by: "n2").run("a", 2, by: "n2").ack("a", 2, by: "n2")
        #expect(judge(released).isGood && judge(released).duplicated == 1)
        #expect(broken(released, .with { $0.duplicates = .none }) == [.c9])
    }

    @Test func `C10 reports a process that did not end as it should`() {
        #expect(broken(Story().exit("n1", .fail)) == [.c10])
        #expect(broken(Story().exit("n1", .ok)).isEmpty)
    }
}
