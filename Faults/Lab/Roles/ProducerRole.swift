import ArgumentParser
import FaultChecker
import Foundation
import Logging
import NIOCore
import Stint
import StintBench
import StintCore
import StintRedis
import StintStore
import StintTesting
import Synchronization

/// A process that enqueues. Writes down each job before it is sent and what became of it, and ends with its jobs, by
/// SIGTERM, or with its input.
struct ProducerRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce", abstract: "A producer process, for the rows.", shouldDisplay: false)

    @Option var url: String
    @Option var queue: String
    @Option var name: String
    @Option var history: String?
    @Option var ledger: String?
    /// TYPE:AMOUNT=WEIGHT with commas.
    @Option var mix = "noop"
    @Option var jobs = Int.max
    /// Jobs a second; 0 = as fast as they are accepted.
    @Option var rate = 0
    @Option var batch = 10
    @Option var callers = 2
    /// Due at most so long after the enqueue, by the server's clock.
    @Option var delayMs = 0
    @Flag var priorities = false
    @Option var padding = 0
    @Option var repeatMs = 20_000
    @Option var timeoutMs = 10_000
    /// Enqueues count when so many replicas have them.
    @Option var replicas = 0
    @Option var seed: UInt64 = 1

    func run() async throws {
        let isOver = Switch()
        #if canImport(Darwin)
        signal(SIGTERM, SIG_IGN)
        #endif
        let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
        source.setEventHandler { isOver.raise() }
        source.resume()
        dieWithInput()
        var target = try RedisTarget.redis(url).timeouts(command: .milliseconds(timeoutMs))
        target.repeatFor = .milliseconds(repeatMs)
        if replicas > 0 { target = target.confirmed(by: try Durability(replicas: replicas)) }
        let client = try await StintClient(target, logger: Logger(label: name) { _ in SwiftLogNoOpLogHandler() })
        let feed = try JobFeed(self, clockOffsetMs: delayMs > 0 ? try await client.clockOffsetMs() : 0)
        let record = ProducerRecord(name: name, try history.map(HistoryFile.init), try ledger.map(LedgerFile.init))
        let queue = try QueueName(queue)
        say("ready")
        let began = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    while !isOver.isRaised, let next = feed.next(minting: client.mint) {
                        if rate > 0 {
                            let at = began.advanced(by: .seconds(Double(next.index) / Double(rate)))
                            try? await Task.sleep(until: at, clock: .continuous)
                        }
                        await send(next.jobs, client, queue, record)
                    }
                }
            }
        }
        source.cancel()
        await client.close()
        say("end")
    }

    private func send(_ jobs: [NewJob], _ client: StintClient, _ queue: QueueName, _ record: ProducerRecord) async {
        record.sending(jobs)
        do {
            if jobs.count == 1 {
                // The way of single jobs, which can be told their ids only as the user's own.
                try await client.enqueue(
                    payload: jobs[0].payload, type: jobs[0].header.type, on: queue, .id(jobs[0].id), .due(jobs[0].due))
            } else {
                _ = try await client.enqueue(jobs, on: queue)
            }
            record.accepted(jobs)
        } catch {
            record.failed(jobs, error)
            try? await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// What a producer writes down.
private struct ProducerRecord {
    private let name: String
    private let history: HistoryFile?
    private let ledger: LedgerFile?

    init(name: String, _ history: HistoryFile?, _ ledger: LedgerFile?) {
        (self.name, self.history, self.ledger) = (name, history, ledger)
    }

    func sending(_ jobs: [NewJob]) { add(jobs, .invoke) }

    func accepted(_ jobs: [NewJob]) {
        add(jobs, .ok)
        ledger?.add(jobs.map(\.id))
    }

    func failed(_ jobs: [NewJob], _ error: StintError) {
        let type: Event.Phase = [.unconfirmed, .closed].contains(error.code) ? .info : .fail
        add(jobs, type, "\(error.code): \(error.message)")
    }

    private func add(_ jobs: [NewJob], _ type: Event.Phase, _ note: String? = nil) {
        guard let history else { return }
        let mono = ProcessUse.monotonicNs
        history.add(
            jobs.map { job in
                let due: Int64? = if case .at(let ms) = job.due { ms } else { nil }
                return Event(
                    .enqueue, type, mono: mono, id: job.id.rawValue, consumer: name, dueMs: due, note: note)
            })
    }
}

extension EnqueueOption {
    fileprivate static func due(_ due: Due) -> EnqueueOption {
        switch due {
        case .now: .in(.zero)
        case .after(let delay): .in(delay)
        case .at(let ms): .at(Date(timeIntervalSince1970: Double(ms) / 1000))
        }
    }
}

extension StintClient {
    /// What is to be added to the clock of this process to have the server's.
    fileprivate func clockOffsetMs() async throws -> Int64 {
        let reply = try await store.client.send("TIME")
        return (reply[0].integer ?? 0) * 1000 + (reply[1].integer ?? 0) / 1000 - ProcessUse.wallMs
    }
}

/// Cuts the jobs of a producer into calls.
private final class JobFeed: Sendable {
    private struct State {
        var sent = 0
        var random: SeededGenerator
    }

    private let role: ProducerRole
    private let kinds: [(type: JobType, amount: String)]
    private let clockOffsetMs: Int64
    private let state: Mutex<State>

    init(_ role: ProducerRole, clockOffsetMs: Int64) throws {
        self.role = role
        self.clockOffsetMs = clockOffsetMs
        state = Mutex(State(random: SeededGenerator(seed: role.seed)))
        var kinds: [(type: JobType, amount: String)] = []
        for part in role.mix.split(separator: ",") {
            let pair = part.split(separator: "=")
            let words = pair[0].split(separator: ":")
            let kind = (try JobType(String(words[0])), words.count > 1 ? String(words[1]) : "0")
            kinds += Array(repeating: kind, count: pair.count > 1 ? Int(pair[1]) ?? 1 : 1)
        }
        self.kinds = kinds
    }

    func next(minting mint: (Int) -> [JobID]) -> (index: Int, jobs: [NewJob])? {
        let nowMs = ProcessUse.wallMs + clockOffsetMs
        return state.withLock { state in
            let count = min(role.batch, role.jobs - state.sent)
            if count <= 0 { return nil }
            defer { state.sent += count }
            let jobs = mint(count).map { id in
                let kind = kinds[Int.random(in: 0..<kinds.count, using: &state.random)]
                let delay = role.delayMs > 0 ? Int64.random(in: 0...Int64(role.delayMs), using: &state.random) : 0
                let text = kind.amount + String(repeating: " ", count: role.padding)
                let priority = role.priorities ? Int.random(in: -2...2, using: &state.random) : 0
                return NewJob(
                    id: id, isFresh: true, header: JobHeader(type: kind.type, priority: priority),
                    payload: ByteBuffer(string: text), due: delay > 0 ? .at(ms: nowMs + delay) : .now)
            }
            return (state.sent, jobs)
        }
    }
}
