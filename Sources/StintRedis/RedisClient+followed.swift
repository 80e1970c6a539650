import NIOCore

/// Calls with others right behind them on the same connection: WAIT, which tells of the writes of its own connection only.
extension RedisClient {
    /// As ``call(_:keys:timeout:reserving:_:)``, and then the followers, on a connection where nobody else waits meanwhile. All
    /// are written together: what the followers say is about the connection that ran the script.
    ///
    /// - Parameter followersTimeout: how long the replies of the followers may take.
    /// - Returns: the script's reply, and those of the followers in their order.
    /// - Throws: the error of the first that failed, of the script before those of the followers. An error of a follower says
    ///   with `mayHaveRun` that the script has run.
    package func call(
        _ script: RedisScript, keys: [String], followedBy followers: [RedisCommand], followersTimeout: Duration,
        timeout: Duration? = nil, reserving: Int = 0, _ arguments: (inout RedisCommand) -> Void
    ) async throws(RedisError) -> (reply: RedisReply, followers: [RedisReply]) {
        let (byHash, withSource) = commands(script, keys, reserving, arguments)
        let timeouts = [timeout ?? configuration.commandTimeout] + followers.map { _ in followersTimeout }
        var replies = await together([byHash] + followers, timeouts)
        if case .failure(let error) = replies[0], error.code == .noScript {
            countFallback()
            replies = await together([withSource()] + followers, timeouts)
        }
        let first = try replies[0].get()
        var rest: [RedisReply] = []
        for reply in replies.dropFirst() {
            do {
                rest.append(try reply.get())
            } catch {
                throw error.during(error.operation, mayHaveRun: true)
            }
        }
        return (first, rest)
    }

    private func together(_ commands: [RedisCommand], _ timeouts: [Duration]) async -> [Result<RedisReply, RedisError>]
    {
        let promises = commands.map { _ in eventLoop.makePromise(of: RedisReply.self) }
        following.submit(
            zip(zip(commands, timeouts), promises).map { pair, promise in
                Request(command: pair.0, waiter: .promise(promise), timeout: TimeAmount(waiting: pair.1), id: 0)
            })
        var results: [Result<RedisReply, RedisError>] = []
        for promise in promises {
            do {
                results.append(.success(try await promise.futureResult.get()))
            } catch {
                results.append(
                    .failure(
                        error as? RedisError
                            ?? Connector.redisError(error, operation: "call", code: .connectionLost)))
            }
        }
        return results
    }
}
