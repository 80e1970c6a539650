import StintCore
import Testing

struct NameTests {
    static let hostile = [
        "", " ", "a b", "../../etc", "a/b", "{a}", "a}b", "{}", "*", "a*", "a:b", "a\nb", "a\r\nSET x y", "a\0b",
        "\u{1B}[2J",
        "\u{202E}gpj", "naïve", "名前", "😀", "'; DROP", "\"x\"", "<script>", "%s", "$(id)", "`id`", "a\\b", "-a", ".a",
        "_a",
        "a\u{301}", String(repeating: "a", count: 129),
    ]
    static let good = ["a", "0", "mail", "Mail.send-2_x", "a..b", "a--", String(repeating: "z", count: 128)]

    @Test(arguments: good) func `queue names and job types take letters, digits and three signs`(name: String) throws {
        #expect(try QueueName(name).rawValue == name)
        #expect(try JobType(name).rawValue == name)
    }

    @Test(arguments: hostile) func `queue names and job types take nothing else`(name: String) {
        let refusals = [
            #expect(throws: StintError.self) { try QueueName(name) },
            #expect(throws: StintError.self) { try JobType(name) },
        ]
        for refusal in refusals {
            #expect(refusal?.code == .invalidArgument)
            #expect(refusal?.advice.isEmpty == false)
        }
    }

    @Test(arguments: hostile) func `a refusal shows the name without what would act on a terminal`(name: String) throws
    {
        let text = try #require(#expect(throws: StintError.self) { try QueueName(name) }).description
        let acting = text.unicodeScalars.filter {
            [.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        #expect(acting.isEmpty)
        #expect(text.count < 250)
    }

    @Test(arguments: ["a", "order:7/x", "{a}", "*", "<b>", "~!@#$%^&()", String(repeating: "x", count: 128)])
    func `job ids are any printable ASCII`(id: String) throws {
        #expect(try JobID(id).rawValue == id)
    }

    @Test(arguments: [
        "", " ", "a b", "a\tb", "a\nb", "\u{7F}", "\0", "é", "\u{1B}c", String(repeating: "x", count: 129),
    ])
    func `job ids are 1 to 128 bytes without spaces and control characters`(id: String) {
        let refusal = #expect(throws: StintError.self) { try JobID(id) }
        #expect(refusal?.code == .invalidArgument)
    }

    @Test(arguments: ["", "a/b", "a b", "a\nb", "é", String(repeating: "n", count: 101)])
    func `node names are 1 to 100 printable ASCII characters without a slash`(name: String) {
        let refusal = #expect(throws: StintError.self) { try ConsumerID(name: name) }
        #expect(refusal?.code == .invalidArgument)
    }

    @Test(arguments: ["worker-1", "host:4711", "{x}", String(repeating: "n", count: 100)])
    func `a consumer id is read back from what it wrote`(name: String) throws {
        let consumer = try ConsumerID(name: name)
        let read = try #require(ConsumerID(parsing: consumer.description))
        #expect(read == consumer)
        #expect(read.name == name)
        #expect(consumer.nonce.count == 13)
    }

    @Test func `a node that starts again is another consumer`() throws {
        #expect(try ConsumerID(name: "a") != ConsumerID(name: "a"))
    }

    @Test(arguments: ["", "a", "/", "/x"]) func `text without a name is no consumer id`(text: String) {
        #expect(ConsumerID(parsing: text) == nil)
    }

    @Test func `names sort by their text`() {
        #expect(["b", "a", "B"].sorted() == (["b", "a", "B"] as [QueueName]).sorted().map(\.rawValue))
    }
}
