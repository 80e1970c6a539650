import Logging
import StintCore
import StintRedis
import StintStore
import Synchronization

/// Gives back what nodes held whose connection is gone, long before their leases run out.
///
/// The kernel closes the connection of a process that was killed. One that is frozen, busy or slow keeps its own.
struct WatchLoop {
    /// Between two looks of the whole cluster.
    private static let gap = Duration.milliseconds(800)
    /// Jobs that are done by then need nobody who watches.
    private static let settling = Duration.milliseconds(50)
    /// In a large cluster not everybody asks for every turn: together a few hundred times a second.
    private static let perNode = Duration.microseconds(4500)

    let node: NodeState
    let timer: Signal

    func run() async {
        var watch = Watch()
        var notBefore = ContinuousClock.now
        while !Task.isCancelled {
            guard node.hasToWatch else {
                await node.watchSignal.wait()
                await timer.wait(upTo: max(Self.settling, notBefore - .now))
                continue
            }
            let wait = await runOnce(&watch)
            notBefore = .now.advanced(by: wait)
            await timer.wait(upTo: wait)
        }
    }

    /// Asks for the turn, looks if it is this node's, and judges whom it misses.
    ///
    /// - Returns: when to do it again.
    func runOnce(_ watch: inout Watch) async -> Duration {
        let epoch = node.store.client.connectionEpoch
        guard let own = node.session.withLock({ $0.known(on: epoch) }) else { return Self.gap }
        watch.looks(through: epoch, now: .now)
        do {
            let wait = try await look(&watch, own, epoch)
            return min(wait, try await judge(&watch) ?? wait)
        } catch {
            if error.isPassing {
                node.logger.debug("watching failed", metadata: ["error": "\(error)"])
            } else {
                node.cannotWatch(error)
            }
            return Self.gap
        }
    }

    private func look(_ watch: inout Watch, _ own: RedisSession, _ epoch: Int) async throws(StintError) -> Duration {
        let reply = try await node.store.watch(by: node.consumer, every: Self.gap)
        node.see(serverUs: reply.serverMs * 1000, at: .now)
        guard let sessions = reply.sessions else { return pause(since: reply.last?.age ?? .zero, watch) }
        let candidates = watch.candidates(sessions, of: node.consumer, on: own)
        let connected = try await node.store.connected(among: Set(candidates.values.map(\.clientID)))
        // What another server, or another life of this one, says of these numbers is about others.
        if node.store.client.connectionEpoch == epoch { watch.saw(candidates, connected: connected) }
        let isSeen = reply.last.map { $0.by != node.consumer.description && $0.age < Self.gap * 3 } ?? false
        if !node.leases.isEmpty, watch.shouldCall(isSeen: isSeen, others: connected.count, now: .now) { await call() }
        watch.nodes = sessions.count
        return pause(since: .zero, watch)
    }

    /// Until some time after the next turn is given, so that it is not always the same node's.
    private func pause(since last: Duration, _ watch: Watch) -> Duration {
        Self.gap - last + max(Self.gap / 4, Self.perNode * watch.nodes - Self.gap) * Double.random(in: 0..<1)
    }

    /// Leaves a mark where this node holds jobs, so that an idle node claims, and hears of their leases.
    private func call() async {
        for queue in Set(node.leases.all.map(\.queue)).prefix(10) { await node.markIfNone(queue) }
    }

    /// - Returns: when to ask again for those that are missed, and have not been for long enough.
    private func judge(_ watch: inout Watch) async throws(StintError) -> Duration? {
        let now = ContinuousClock.now
        if watch.suspects.isEmpty || !watch.mayJudge(now) || node.reapNotBefore.withLock({ $0 }) > now { return nil }
        let (gone, again) = watch.missed(try await node.store.miss(watch.suspects.map { ($0.key, $0.value) }))
        for (consumer, session) in gone where await giveBack(consumer) { watch.finished(consumer, session) }
        return again
    }

    /// - Returns: whether nothing is left to be done here.
    private func giveBack(_ gone: ConsumerID) async -> Bool {
        var (found, count, isRefused, isFirst) = (0, 0, false, true)
        do throws(StintError) {
            let own = node.configuration.queues.map(\.name)
            for queue in Set(own).union(try await node.store.queues(of: gone)).sorted() {
                do throws(StintError) {
                    let leases = try await node.store.expel(gone, from: queue)
                    found += leases
                    if leases > 0 { count += try await ReapLoop(node: node).runOnce(queue, gone: gone) }
                } catch {
                    if error.isPassing { throw error }
                    // A user for some queues only: nodes that work on the others will look for themselves.
                    isRefused = true
                    node.logger.debug("giving back is refused", metadata: ["queue": "\(queue)", "error": "\(error)"])
                }
            }
            if !isRefused { isFirst = try await node.store.forgetSession(of: gone) }
        } catch {
            node.logger.debug("giving back failed", metadata: ["gone": "\(gone)", "error": "\(error)"])
            return false
        }
        // Others may have come to the same end in the same moment: each tells what it has given back itself.
        guard count > 0 || (isFirst && found == 0) else { return true }
        node.logger.notice(
            "node gone, its leases given back: its connection was closed and it made no new one",
            metadata: ["gone": "\(gone)", "leases": "\(count)"])
        node.observe?(.gone(gone, leases: count))
        return true
    }
}
