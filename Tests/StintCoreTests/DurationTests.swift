import StintCore
import Testing

struct DurationTests {
    @Test(
        arguments: [
            (.milliseconds(1), "1 ms"), (.milliseconds(999), "999 ms"), (.seconds(1), "1 s"),
            (.milliseconds(1500), "1.5 s"), (.seconds(300), "300 s"),
        ] as [(Duration, String)])
    func `durations in a few letters`(duration: Duration, text: String) {
        #expect(duration.brief == text)
    }

    @Test(
        arguments: [
            ("0s", .zero), ("250ms", .milliseconds(250)), ("30s", .seconds(30)), ("1.5s", .milliseconds(1500)),
            ("5m", .seconds(300)),
            ("1h30m", .seconds(5400)), ("2d", .seconds(172_800)), ("1d1h1m1s1ms", .milliseconds(90_061_001)),
            ("0.5ms", .microseconds(500)),
            ("30m1h", .seconds(5400)),
        ] as [(String, Duration)])
    func `durations as people write them`(text: String, duration: Duration) throws {
        #expect(try Duration(parsing: text) == duration)
    }

    @Test(arguments: [
        "", " ", "5", "s", "ms", "5 s", " 5s", "5s ", "-5s", "+5s", "5x", "5S", "5sec", "1e3s", "nan", "nans", "infs",
        "inf", "1..5s", ".s",
        "5s3", "0x10s", "٣s", "½s", "5µs", "1h-3m", "999999999999d", "1000000000000s",
        String(repeating: "9", count: 400) + "s",
        "1" + String(repeating: "0", count: 30) + "ms",
    ])
    func `anything else is refused and stops nothing`(text: String) {
        let refusal = #expect(throws: StintError.self) { try Duration(parsing: text) }
        #expect(refusal?.code == .invalidArgument)
    }

    @Test(
        arguments: [
            (.zero, 0), (.nanoseconds(1), 1), (.milliseconds(1), 1), (.microseconds(1001), 2), (.seconds(1), 1000),
            (.milliseconds(-5), -5), (.microseconds(-5500), -5),
        ] as [(Duration, Int64)])
    func `milliseconds are rounded up`(duration: Duration, ms: Int64) {
        #expect(duration.wholeMs == ms)
    }

    @Test func `a duration without end is as many milliseconds as scripts can hold`() {
        #expect(Duration.seconds(Int64.max).wholeMs == 9_007_199_254_740_991)
        #expect(Duration.seconds(Int64.min).wholeMs == -9_007_199_254_740_991)
    }
}
