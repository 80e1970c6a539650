import StintCore
import Testing

struct ErrorFingerprintTests {
    @Test(arguments: [
        ("connection to 10.0.0.7:5432 refused after 3 tries", "connection to N.N.N.N:N refused after N tries"),
        ("no user \"ada\" in 'people'", "no user \"S\" in 'S'"),
        ("job 6F9619FF-8B86-D011-B42D-00C04FC964FF is unknown", "job H is unknown"),
        ("commit deadbeef12 at 0xFf01 is gone", "commit H at H is gone"),
        ("/var/lib/app/main.swift: No such file", "/var/lib/app/main.swift: No such file"),
        ("it can't be what isn't there", "it can't be what isn't there"),
        ("decade and facade are words, feedbeef too", "decade and facade are words, feedbeef too"),
        ("utf8 and 12ab", "utfN and Nab"),
        ("an open \"quote", "an open \"quote"),
        ("first line\nsecond line 7", "first line"),
        ("retry window over: code 450", "code N"),
        ("", ""), ("é 7 日本", "é N 日本"),
    ])
    func `what differs from job to job becomes a letter, words and paths stay`(reason: String, expected: String) {
        #expect(ErrorFingerprint(of: reason).description == expected)
    }

    @Test(arguments: ["no user \"ada\" 7", "H is N", "commit deadbeef12 of 'x'", "poison: its lease ran out 3 times"])
    func `a fingerprint is its own fingerprint`(reason: String) {
        let once = ErrorFingerprint(of: reason)
        #expect(ErrorFingerprint(of: once.description) == once)
    }

    @Test func `a long error is cut`() {
        #expect(ErrorFingerprint(of: String(repeating: "word ", count: 400)).description.count == 200)
    }
}
