import StintCore
import Testing

struct JobIDMinterTests {
    static let nowMs: Int64 = 1_790_000_000_000

    @Test func `minted ids have 14 characters of a rising alphabet and are valid`() throws {
        let alphabet = Set("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
        for id in JobIDMinter().mint(1000, atMs: Self.nowMs) {
            #expect(id.rawValue.utf8.count == 14)
            #expect(id.rawValue.first != "-", "an id at the start of an argument must not look like an option")
            #expect(id.rawValue.allSatisfy(alphabet.contains))
            #expect(try JobID(id.rawValue) == id)
        }
    }

    @Test func `ids rise inside a millisecond, from one to the next, and when the clock goes back`() {
        let minter = JobIDMinter()
        let steps: [Int64] = [0, 0, 1, 1, 500, -10_000, -9_999, 499, 501, -Self.nowMs, 502]
        let ids = steps.flatMap { minter.mint(50, atMs: Self.nowMs + $0) }
        for (earlier, later) in zip(ids, ids.dropFirst()) { #expect(earlier < later) }
    }

    @Test func `an id begins with its eighth of a second`() {
        let one = JobIDMinter().mint(atMs: Self.nowMs)
        let other = JobIDMinter().mint(atMs: Self.nowMs)
        #expect(one.rawValue.prefix(5) == other.rawValue.prefix(5))
        #expect(one != other)
        #expect(JobIDMinter().mint(atMs: Self.nowMs + 125).rawValue.prefix(6) > one.rawValue.prefix(6))
    }

    @Test(arguments: [0, -1, Int64.min, Int64.max]) func `a clock that stands anywhere still gives ids of one's own`(
        ms: Int64
    ) {
        let one = JobIDMinter().mint(atMs: ms)
        let other = JobIDMinter().mint(atMs: ms)
        #expect(one != other)
        #expect(one.rawValue.count == 14)
    }

    @Test func `200,000 ids from one minter are all different`() {
        let minter = JobIDMinter()
        var ids: Set<JobID> = []
        for ms in 0..<200 { ids.formUnion(minter.mint(1000, atMs: Self.nowMs + Int64(ms / 7))) }
        #expect(ids.count == 200_000)
    }

    @Test func `eight tasks that share a minter get different ids`() async {
        let minter = JobIDMinter()
        let ids = await withTaskGroup(of: [JobID].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<500).map { minter.mint(atMs: Self.nowMs + Int64($0 % 3)) } }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(ids).count == 4000)
    }
}
