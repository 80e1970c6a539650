import StintCore
import Testing

struct JobIDMinterTests {
    static let nowMs: Int64 = 1_790_000_000_000

    @Test func `minted ids have 22 characters of base 32 and are valid`() throws {
        let alphabet = Set("0123456789abcdefghjkmnpqrstvwxyz")
        for id in JobIDMinter().mint(1000, atMs: Self.nowMs) {
            #expect(id.rawValue.count == 22)
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

    @Test func `an id begins with its millisecond`() {
        let one = JobIDMinter().mint(atMs: Self.nowMs), other = JobIDMinter().mint(atMs: Self.nowMs)
        #expect(one.rawValue.prefix(9) == other.rawValue.prefix(9))
        #expect(one != other)
        #expect(JobIDMinter().mint(atMs: Self.nowMs + 1).rawValue.prefix(9) > one.rawValue.prefix(9))
    }

    @Test(arguments: [0, -1, Int64.min, Int64.max]) func `a clock that stands anywhere still gives ids of one's own`(
        ms: Int64
    ) {
        let one = JobIDMinter().mint(atMs: ms), other = JobIDMinter().mint(atMs: ms)
        #expect(one != other)
        #expect(one.rawValue.count == 22)
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
