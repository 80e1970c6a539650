public import NIOCore
public import StintCore
package import StintStore

/// Which dead jobs are meant. Conditions that are left out are met by all.
public struct DeadJobFilter: Sendable, Hashable {
    /// Only jobs of this type.
    public var type: JobType?
    /// Only jobs whose reason holds this text, in its first 300 bytes, or whose fingerprint is this text.
    public var reason: String?
    /// Only jobs whose last error has this fingerprint, as ``StintClient/failures(of:)`` tells it.
    public var fingerprint: ErrorFingerprint?
    /// Only jobs that died at this time or later, before this time; ms since 1970 on the server's clock.
    public var afterMs, beforeMs: Int64?
    /// No more than this many, those that died first.
    public var limit: Int?

    public init(
        type: JobType? = nil, reason: String? = nil, fingerprint: ErrorFingerprint? = nil, afterMs: Int64? = nil,
        beforeMs: Int64? = nil, limit: Int? = nil
    ) {
        self.type = type
        self.reason = reason
        self.fingerprint = fingerprint
        self.afterMs = afterMs
        self.beforeMs = beforeMs
        self.limit = limit
    }

    package func matches(_ job: FailedJob) -> Bool {
        job.state == .dead && (type == nil || job.type == type)
            && (reason.map { job.tries.reason.contains($0) || job.fingerprint.description == $0 } ?? true)
            && (fingerprint.map { job.fingerprint == $0 } ?? true)
            && (job.whenMs ?? 0) >= afterMs ?? .min && (job.whenMs ?? 0) < beforeMs ?? .max
    }
}

extension FailedJob {
    var fingerprint: ErrorFingerprint { ErrorFingerprint(of: tries.reason) }
}

/// What a redrive would bring back. Nothing was changed.
public struct RedrivePreview: Sendable, Hashable {
    /// In the order in which they died.
    package let ids: [JobID]
    /// How many of each type. Jobs whose records are missing have none, and cannot run.
    public let types: [JobType: Int]
    /// Of all payloads together.
    public let bytes: Int
    /// How many jobs there are.
    public var count: Int { ids.count }
    /// The first ten.
    public var samples: [JobID] { Array(ids.prefix(10)) }

    init(_ jobs: [FailedJob]) {
        ids = jobs.map(\.id)
        types = jobs.reduce(into: [:]) { if let type = $1.type { $0[type, default: 0] += 1 } }
        bytes = jobs.reduce(0) { $0 + $1.payloadBytes }
    }
}

/// How far a redrive of many came.
public struct RedriveReport: Sendable, Hashable {
    /// How many jobs were found.
    public internal(set) var found: Int
    /// How many of them are ready again.
    public internal(set) var ready = 0
    /// How many have lost their records, and were forgotten: there was nothing to run.
    public internal(set) var empty = 0
    /// How many are left as they are: they were not dead any more when it came to them, another job has their unique key, or they
    /// were to have another payload and a codec wrote theirs.
    public internal(set) var left = 0
    /// The task was cancelled before it came to all of them; the others are as they were.
    public internal(set) var isInterrupted = false

    public var handled: Int { ready + empty + left }
}

extension StintClient {
    /// What ``redrive(where:on:rate:payload:progress:)`` would bring back now.
    public func preview(where filter: DeadJobFilter, on queue: QueueName) async throws(StintError) -> RedrivePreview {
        var jobs: [FailedJob] = []
        try await eachFailure(of: queue) { job in
            if filter.matches(job) { jobs.append(job) }
        }
        jobs.sort { ($0.whenMs ?? 0, $0.id) < ($1.whenMs ?? 0, $1.id) }
        return RedrivePreview(Array(jobs.prefix(filter.limit ?? jobs.count)))
    }

    /// Brings dead jobs back: ready now, with all their tries before them.
    ///
    /// Jobs that die while it is under way are not brought back again. Cancelling the task ends it between two steps, and the report
    /// says how far it came.
    ///
    /// - Parameters:
    ///   - rate: how many in a second, 0.1 or more; `nil` = as fast as Redis takes them.
    ///   - payload: what all of them are to have instead of their payload. Jobs whose payload was encoded are left as they are:
    ///     cancel them, and enqueue others.
    ///   - progress: is told after each step.
    /// - Throws: ``StintError``. What was brought back before stays so.
    @discardableResult
    public func redrive(
        where filter: DeadJobFilter, on queue: QueueName, rate: Double? = nil, payload: ByteBuffer? = nil,
        progress: (RedriveReport) -> Void = { _ in }
    ) async throws(StintError) -> RedriveReport {
        let found = try await preview(where: filter, on: queue)
        return try await redrive(found.ids, on: queue, rate: rate, payload: payload, progress: progress)
    }

    package func redrive(
        _ ids: [JobID], on queue: QueueName, rate: Double? = nil, payload: ByteBuffer? = nil,
        progress: (RedriveReport) -> Void = { _ in }
    ) async throws(StintError) -> RedriveReport {
        if let rate, !(rate >= 0.1) {
            throw .invalidArgument(
                "redrive \(queue)", "a rate of \(rate) is out of range", advice: "It is 0.1 or more.")
        }
        // Ten steps in a second, of one job at least.
        var size = Defaults.maxJobsPerCall
        if let rate { size = Int(max(1, min(rate / 10, Double(size)))) }
        if let bytes = payload?.readableBytes, bytes > 0 { size = max(1, min(size, Self.maxBytesPerCall / bytes)) }
        var report = RedriveReport(found: ids.count)
        var next = ContinuousClock.now
        var rest = ids[...]
        while !rest.isEmpty {
            if let rate {
                try? await Task.sleep(until: next)
                next = next.advanced(by: .seconds(Double(size) / rate))
            }
            if Task.isCancelled {
                report.isInterrupted = true
                return report
            }
            try await redrive(Array(rest.prefix(size)), on: queue, payload, &report)
            rest = rest.dropFirst(size)
            progress(report)
        }
        return report
    }

    private func redrive(
        _ ids: [JobID], on queue: QueueName, _ payload: ByteBuffer?, _ report: inout RedriveReport
    ) async throws(StintError) {
        var ids = ids
        if let payload {
            let outcomes = try await jobs.edit(ids.map { ($0, payload) }, on: queue)
            // A job without a record is forgotten by the redrive; any other that could not be edited is left alone.
            let kept = zip(ids, outcomes).filter { $1 == .edited || $1 == .empty }.map(\.0)
            report.left += ids.count - kept.count
            ids = kept
        }
        for outcome in try await jobs.redrive(ids, on: queue) {
            switch outcome {
            case .ready: report.ready += 1
            case .empty: report.empty += 1
            case .scheduled, .leased, .done, .unknown, .taken: report.left += 1
            }
        }
    }

    /// Gives a job that is not running another payload; its options, place and tries stay. A payload that was encoded is left as it
    /// is: cancel that job, and enqueue another.
    @discardableResult
    public func edit(_ id: JobID, on queue: QueueName, payload: ByteBuffer) async throws(StintError) -> EditOutcome {
        if payload.readableBytes > Defaults.maxPayloadBytes {
            throw StintError(
                .payloadTooLarge, "edit \(id)",
                "the payload has \(payload.readableBytes) bytes, the limit is \(Defaults.maxPayloadBytes)",
                advice: "Keep large data in a store of its own, and its address in the job.")
        }
        return try await jobs.edit([(id, payload)], on: queue).first ?? .unknown
    }
}
