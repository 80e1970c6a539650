import StintCore
import Testing

struct JobHeaderTests {
    @Test func `a job without options has the short mark`() {
        #expect(JobHeader(type: "mail").encoded == "jmail\n")
    }

    @Test func `options stand behind the long mark, in a fixed order`() {
        let header = JobHeader(
            type: "mail", priority: -7, lease: .microseconds(1_500_100), maxFailures: 3, maxLapses: 2,
            timeout: .seconds(5))
        #expect(header.encoded == "Jmail;p=-7;l=1501;f=3;x=2;t=5000\n")
        let timed = JobHeader(
            type: "mail", maxLapses: 2, startBy: .after(.seconds(60)), deadline: .at(ms: 7), estimate: .seconds(2))
        #expect(timed.encoded == "Jmail;x=2;b=+60000;d=7;e=2000\n")
    }

    @Test(arguments: [
        JobHeader(type: "a"), JobHeader(type: "a", priority: 100), JobHeader(type: "a", priority: -100),
        JobHeader(type: "a.b-c_d", lease: .seconds(60)), JobHeader(type: "a", maxFailures: 1),
        JobHeader(type: "a", maxLapses: 9), JobHeader(type: "a", timeout: .milliseconds(1)),
        JobHeader(type: "a", priority: 5, lease: .milliseconds(100), maxFailures: 1_000_000, maxLapses: 1),
        JobHeader(type: "a", startBy: .at(ms: 5), deadline: .after(.seconds(9)), estimate: .milliseconds(1)),
    ])
    func `a header is read back from its line`(header: JobHeader) throws {
        #expect(try JobHeader(decoding: header.encoded.dropLast()) == header)
    }

    @Test(arguments: [
        "", "x", "mail", "kmail", "j", "J", "J;p=1", "ja b", "jmail;", "Jmail;p", "Jmail;p=", "Jmail;p=x",
        "Jmail;f=1.5",
        "Jmail;x=99999999999999999999", "j{a}", "j\u{0}", "Jmail;;p=1",
    ])
    func `a line that is no header is malformed`(line: String) {
        let refusal = #expect(throws: StintError.self) { try JobHeader(decoding: line) }
        #expect(refusal?.code == .malformed)
    }

    @Test func `options of later versions are left alone`() throws {
        #expect(try JobHeader(decoding: "Jmail;z=1;group=blue;p=4") == JobHeader(type: "mail", priority: 4))
    }

    @Test func `a header says to which key an encoded payload is bound, and bare headers are bound to none`() throws {
        var header = JobHeader(type: "mail")
        (header.codec, header.sealedKey) = ("gzip", "0a1b")
        #expect(header.encoded == "Jmail;c=gzip;y=0a1b\n")
        #expect(try JobHeader(decoding: header.encoded.dropLast()) == header)
        #expect(try JobHeader(decoding: "Jmail;c=gzip").sealedKey == nil)
    }

    @Test func `a retry policy of the job is one of three kinds, behind its letter`() throws {
        var header = JobHeader(type: "mail", maxLapses: 2)
        for (plan, text) in [
            (RetryPlan.exponential(base: .seconds(2), cap: .seconds(3600)), "e2000,3600000"),
            (.fixed(.milliseconds(1)), "f1"), (.fixed(.zero), "f0"),
            (.list([.seconds(1), .zero, .seconds(30)]), "l1000,0,30000"),
        ] {
            header.retry = plan
            #expect(header.encoded == "Jmail;x=2;r=\(text)\n")
            #expect(try JobHeader(decoding: header.encoded.dropLast()) == header)
        }
    }

    @Test(arguments: ["q1,2", "e1", "e1,2,3", "f", "f-1", "f1,2", "l", "lx", "l1,,2", "f1.5"])
    func `a retry policy of no known kind leaves the job with its handler's`(text: String) throws {
        #expect(try JobHeader(decoding: "Jmail;r=\(text);p=3") == JobHeader(type: "mail", priority: 3))
    }

    @Test func `what a foreign hand wrote out of range is bounded as the scripts bound it`() throws {
        #expect(try JobHeader(decoding: "Jmail;p=500").priority == 100)
        #expect(try JobHeader(decoding: "Jmail;p=-500").priority == -100)
        #expect(try JobHeader(decoding: "Jmail;l=0").lease == nil)
        #expect(try JobHeader(decoding: "Jmail;l=-5").lease == nil)
    }

    @Test(arguments: [
        JobHeader(type: "a", priority: 101), JobHeader(type: "a", priority: -101),
        JobHeader(type: "a", lease: .milliseconds(99)),
        JobHeader(type: "a", lease: .seconds(86_400 * 7 + 1)), JobHeader(type: "a", maxFailures: 0),
        JobHeader(type: "a", maxFailures: 1_000_001), JobHeader(type: "a", maxLapses: 0),
        JobHeader(type: "a", maxLapses: 1_000_001), JobHeader(type: "a", startBy: .after(.seconds(-1))),
        JobHeader(type: "a", deadline: .at(ms: 253_402_300_800_000)), JobHeader(type: "a", estimate: .zero),
    ])
    func `options out of range are refused`(header: JobHeader) {
        let refusal = #expect(throws: StintError.self) { try header.validate() }
        #expect(refusal?.code == .invalidArgument)
    }

    @Test func `options at the ends of their ranges are accepted`() throws {
        try JobHeader(type: "a", priority: 100, lease: .milliseconds(100), maxFailures: 1, maxLapses: 1).validate()
        try JobHeader(
            type: "a", priority: -100, lease: .seconds(86_400 * 7), maxFailures: 1_000_000, maxLapses: 1_000_000
        ).validate()
    }

    @Test func `what a header says of its payload is read back`() throws {
        var header = JobHeader(type: "mail", priority: 2)
        (header.codec, header.isSensitive, header.trace) = ("aes-gcm:2026-11:00ff", true, "00-1-2-01,tracestate=a%3D1")
        #expect(header.encoded == "Jmail;p=2;c=aes-gcm:2026-11:00ff;m=1;o=00-1-2-01,tracestate=a%3D1\n")
        #expect(try JobHeader(decoding: header.encoded.dropLast()) == header)
        try header.validate()
    }

    @Test(arguments: ["", "a b", "a;b", "a\nb", "é", String(repeating: "a", count: 101)])
    func `a codec whose name would break the header is refused`(name: String) {
        var header = JobHeader(type: "mail")
        header.codec = name
        #expect(throws: StintError.self) { try header.validate() }
        header.codec = nil
        header.trace = name.count > 100 ? String(repeating: "a", count: 513) : name
        #expect(throws: StintError.self) { try header.validate() }
    }
}
