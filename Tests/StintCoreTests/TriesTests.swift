import StintCore
import Testing

struct TriesTests {
    @Test func `the reason is all that follows the third space`() {
        let tries = Tries(decoding: "2 1 1790000000000 no route: to  host ")
        #expect(tries == Tries(failures: 2, lapses: 1, lastMs: 1_790_000_000_000, reason: "no route: to  host "))
        #expect(tries.attempt == 4)
    }

    @Test func `a job without tries is at its first attempt`() {
        #expect(Tries.none.attempt == 1)
    }

    @Test(arguments: [
        "", " ", "   ", "x y z w", "a", "-1 -1 0 ", "1.5 nan inf x", "99999999999999999999 99999999999999999999 x ",
    ])
    func `what cannot be read counts as nothing`(text: String) {
        let tries = Tries(decoding: text)
        #expect(tries.failures == 0 && tries.lapses == 0 && tries.lastMs == 0)
        #expect(tries.attempt == 1)
    }

    @Test func `absurd counts do not overflow the attempt`() {
        #expect(Tries(decoding: "\(Int.max) \(Int.max) 0 x").attempt > 1_000_000)
    }

    @Test func `a part that is missing is nothing, the others stand`() {
        #expect(Tries(decoding: "3") == Tries(failures: 3, lapses: 0, lastMs: 0, reason: ""))
        #expect(Tries(decoding: "3 x 7 r") == Tries(failures: 3, lapses: 0, lastMs: 7, reason: "r"))
    }
}
