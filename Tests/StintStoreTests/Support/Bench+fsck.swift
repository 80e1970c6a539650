import StintStore

extension Bench {
    /// What a walk through the whole queue finds, as "problem id", each once, in the order of the walk.
    func fsck(mends: Bool) async throws -> [String] {
        var found: [String] = []
        for part in Store.fsckParts {
            var cursor: String? = "0"
            while let at = cursor {
                let step = try await store.fsck(1000, of: part, from: at, on: queue, mends: mends)
                for finding in step.findings where !found.contains("\(finding.problem) \(finding.id)") {
                    found.append("\(finding.problem) \(finding.id)")
                }
                cursor = step.next
            }
        }
        return found
    }
}
