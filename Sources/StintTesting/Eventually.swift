/// Asks again and again until `condition` holds; false when `limit` (default: a minute, which only a
/// failure waits for) has passed. For what no notification reports, such as the end of a process that is not ours.
package func eventually(
    within limit: Duration = .seconds(60), _ condition: @Sendable () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end, !Task.isCancelled else { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return true
}
