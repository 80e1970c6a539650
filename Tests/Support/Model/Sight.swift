import NIOCore
import StintCore
import StintRedis
import StintStore

/// What a queue says of itself, by its indexes, `stats` and `show`. Of the leases only what `show` tells is known here, not
/// how they are kept.
package struct Sight: Equatable, Sendable {
    /// In the order of the index; done ones sorted.
    var ids: [JobState: [JobID]] = [:]
    var done: Set<JobID> = [], doneBefore: Set<JobID> = []
    var records: Set<JobID> = [], triesOf: Set<JobID> = [], historyOf: Set<JobID> = [], cancelsOf: Set<JobID> = []
    var said: [String: String] = [:]
    /// The result of each job, until when it is kept, and how many bytes there are of all.
    var results: [String: String] = [:], until: [String: String] = [:]
    var resultBytes: Int64 = 0
    var marks = 0
    var doneSinceMs: Int64?
    var lastToken = Token(rawValue: 0)
    var isPaused = false
    var totals = QueueModel.Totals()
    /// How long runs of each type take, in µs.
    var estimates: [String: String] = [:]
    /// Whose each unique key is, and until when it is; which keys have their time; with which key each job was enqueued.
    var keys: [String: String] = [:]
    var timedKeys: [String: String] = [:]
    var keyOf: [JobID: String] = [:]
    /// What the steps of jobs have come to.
    var notes: [JobID: String] = [:]
    /// The living jobs.
    var jobs: [JobID: Detail] = [:]

    /// One job as `show` tells it.
    struct Detail: Equatable, Sendable {
        let state: JobState?
        let timeMs: Int64?
        let header: JobHeader?
        let payload: [UInt8]?
        let tries: Tries
        let history: [JobAttempt]
        let token: Token?
        let consumer: ConsumerID?
        let cancelReason: String?
    }
}

extension Sight {
    private static let script = """
        local p, out = KEYS[1], {}
        for i, name in ipairs({ 'scheduled', 'ready', 'leased', 'dead', 'cancelled' }) do
            out[i] = redis.call('ZRANGE', p .. name, 0, -1)
        end
        out[6] = redis.call('SMEMBERS', p .. 'done')
        out[7] = redis.call('SMEMBERS', p .. 'done_before')
        out[8] = redis.call('HKEYS', p .. 'jobs')
        out[9] = redis.call('HKEYS', p .. 'tries')
        out[10] = redis.call('HKEYS', p .. 'cancels')
        out[11] = redis.call('LLEN', p .. 'wake')
        out[12] = redis.call('HGET', p .. 'meta', 'done_since') or ''
        out[13] = redis.call('HGET', p .. 'meta', 'token') or '0'
        out[14] = redis.call('HGETALL', p .. 'unique')
        out[15] = redis.call('HGETALL', p .. 'unique_of')
        out[16] = redis.call('ZRANGE', p .. 'unique_until', 0, -1, 'WITHSCORES')
        out[17] = redis.call('HGETALL', p .. 'effects')
        out[18] = redis.call('HKEYS', p .. 'history')
        out[19] = redis.call('HGETALL', p .. 'progress')
        out[20] = redis.call('HGETALL', p .. 'checkpoints')
        out[21] = redis.call('HGETALL', p .. 'results')
        out[22] = redis.call('ZRANGE', p .. 'results_until', 0, -1, 'WITHSCORES')
        out[23] = redis.call('HGET', p .. 'meta', 'results_bytes') or '0'
        out[24] = redis.call('HGETALL', p .. 'estimates')
        return out
        """

    /// Nobody else writes meanwhile, so that several commands see one instant.
    ///
    /// - Parameter living: the jobs that are asked for. That the indexes hold these and no others is for who compares.
    static func look(at queue: QueueName, _ store: Store, expecting living: [JobID]) async throws -> Sight {
        var command = RedisCommand("EVAL")
        command.append(contentsOf: [script, "1", store.keys.queue(queue)])
        let inspector = Inspector(store)
        async let stats = inspector.stats(of: queue)
        async let details = jobs(living, inspector, queue)
        let reply = try await store.client.send(command)
        let lists = reply.children.map { list in list.children.map { JobID(unchecked: $0.string ?? "") } }
        var sight = Sight()
        let states: [JobState] = [.scheduled, .ready, .leased, .dead, .cancelled]
        sight.ids = Dictionary(uniqueKeysWithValues: zip(states, lists))
        (sight.done, sight.doneBefore) = (Set(lists[5]), Set(lists[6]))
        (sight.records, sight.triesOf, sight.cancelsOf) = (Set(lists[7]), Set(lists[8]), Set(lists[9]))
        sight.historyOf = Set(lists[17])
        sight.marks = Int(reply[10].integer ?? -1)
        sight.doneSinceMs = reply[11].integer
        sight.lastToken = Token(rawValue: reply[12].integer ?? -1)
        sight.keys = pairs(reply[13])
        for (id, key) in pairs(reply[14]) { sight.keyOf[JobID(unchecked: id)] = key }
        sight.timedKeys = pairs(reply[15])
        for (id, notes) in pairs(reply[16]) { sight.notes[JobID(unchecked: id)] = notes }
        sight.said = pairs(reply[18], "progress ").merging(pairs(reply[19], "checkpoint ")) { $1 }
        (sight.results, sight.until) = (pairs(reply[20]), pairs(reply[21]))
        sight.resultBytes = reply[22].integer ?? -1
        sight.estimates = pairs(reply[23])
        sight.take(try await stats)
        sight.jobs = try await details
        return sight
    }

    private static func pairs(_ reply: RedisReply, _ prefix: String = "") -> [String: String] {
        var pairs: [String: String] = [:]
        for at in stride(from: 0, to: reply.count - 1, by: 2) {
            pairs[prefix + (reply[at].string ?? "")] = reply[at + 1].string
        }
        return pairs
    }

    private static func jobs(_ ids: [JobID], _ inspector: Inspector, _ queue: QueueName) async throws
        -> [JobID: Detail]
    {
        var jobs: [JobID: Detail] = [:]
        for first in stride(from: 0, to: ids.count, by: Defaults.maxJobsPerCall) {
            let some = Array(ids[first..<min(ids.count, first + Defaults.maxJobsPerCall)])
            for detail in try await inspector.jobs(some, on: queue) { jobs[detail.id] = Detail(detail) }
        }
        return jobs
    }

    private mutating func take(_ stats: QueueStats) {
        isPaused = stats.isPaused
        totals.enqueued = stats.enqueuedTotal
        totals.acked = stats.ackedTotal
        totals.nacked = stats.nackedTotal
        totals.lapsed = stats.lapsedTotal
        totals.released = stats.releasedTotal
        totals.dead = stats.deadTotal
        totals.cancelled = stats.cancelledTotal
        totals.redriven = stats.redrivenTotal
    }
}

extension Sight {
    /// What the model would be seen as.
    init(of model: QueueModel) {
        for state in [.scheduled, .ready, .leased, .dead, .cancelled] as [JobState] { ids[state] = model.ids(state) }
        (done, doneBefore) = (model.done, model.doneBefore)
        records = Set(model.jobs.keys)
        triesOf = Set(model.jobs.filter { $0.value.tries != nil }.keys)
        historyOf = Set(model.jobs.filter { !$0.value.history.isEmpty }.keys)
        cancelsOf = Set(model.jobs.keys.filter { model.lease(of: $0)?.cancelReason != nil })
        for (id, job) in model.jobs {
            if let progress = job.progress { said["progress \(id)"] = progress }
            if let checkpoint = job.checkpoint {
                said["checkpoint \(id)"] = String(decoding: checkpoint, as: UTF8.self)
            }
        }
        for (id, kept) in model.results {
            results[id.rawValue] = String(decoding: kept.result, as: UTF8.self)
            until[id.rawValue] = "\(kept.untilMs)"
            resultBytes += Int64(kept.result.count)
        }
        marks = model.isMarked ? 1 : 0
        doneSinceMs = model.doneSinceMs
        lastToken = model.lastToken
        isPaused = model.isPaused
        totals = model.totals
        for (type, us) in model.estimatesUs { estimates[type.rawValue] = "\(us)" }
        keys = model.keys
        timedKeys = model.timedKeys.mapValues { "\($0.untilMs)" }
        keyOf = model.jobs.compactMapValues { $0.key?.told }
        notes = model.jobs.filter { !$0.value.notes.isEmpty }.mapValues {
            String(decoding: $0.notes.flatMap(\.encoded), as: UTF8.self)
        }
        jobs = model.jobs.mapValues(Detail.init)
    }

    /// What is seen here and not there, in words.
    func differences(from model: Sight) -> [String] {
        var found: [String] = []
        func compare(_ name: String, _ here: some Equatable, _ there: some Equatable, _ isEqual: Bool) {
            if !isEqual { found.append("\(name): Redis has \(here), the model \(there)") }
        }
        for (state, here) in ids.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            compare(state.rawValue, here, model.ids[state] ?? [], here == model.ids[state] ?? [])
        }
        compare("done", done.sorted(), model.done.sorted(), done == model.done)
        compare("done before", doneBefore.sorted(), model.doneBefore.sorted(), doneBefore == model.doneBefore)
        compare("records", records.sorted(), model.records.sorted(), records == model.records)
        compare("tries", triesOf.sorted(), model.triesOf.sorted(), triesOf == model.triesOf)
        compare("history", historyOf.sorted(), model.historyOf.sorted(), historyOf == model.historyOf)
        compare("cancels", cancelsOf.sorted(), model.cancelsOf.sorted(), cancelsOf == model.cancelsOf)
        compare("said", said, model.said, said == model.said)
        compare("results", results, model.results, results == model.results)
        compare("results until", until, model.until, until == model.until)
        compare("bytes of results", resultBytes, model.resultBytes, resultBytes == model.resultBytes)
        compare("marks", marks, model.marks, marks == model.marks)
        compare("done since", doneSinceMs, model.doneSinceMs, doneSinceMs == model.doneSinceMs)
        compare("last token", lastToken, model.lastToken, lastToken == model.lastToken)
        compare("paused", isPaused, model.isPaused, isPaused == model.isPaused)
        compare("keys", keys, model.keys, keys == model.keys)
        compare("keys with a time", timedKeys, model.timedKeys, timedKeys == model.timedKeys)
        compare("keys of jobs", keyOf, model.keyOf, keyOf == model.keyOf)
        compare("notes", notes.mapValues(\.count), model.notes.mapValues(\.count), notes == model.notes)
        compare("estimates", estimates, model.estimates, estimates == model.estimates)
        compare("totals", "\(totals)", "\(model.totals)", totals == model.totals)
        for (id, job) in jobs.sorted(by: { $0.key < $1.key }) where job != model.jobs[id] {
            found.append("job \(id): Redis has \(job), the model \(model.jobs[id].map { "\($0)" } ?? "none")")
        }
        return found
    }
}

extension Sight.Detail {
    init(_ job: JobDetail) {
        self.init(
            state: job.state, timeMs: job.whenMs, header: job.header, payload: job.payload.map { Array(buffer: $0) },
            tries: job.tries, history: job.history, token: job.token, consumer: job.consumer,
            cancelReason: job.cancelReason)
    }

    init(_ job: QueueModel.Job) {
        var lease: QueueModel.Lease?
        if case .leased(let held) = job.place { lease = held }
        self.init(
            state: job.place.state, timeMs: job.place.timeMs, header: job.header, payload: job.payload,
            tries: job.tries ?? .none, history: job.history, token: lease?.token, consumer: lease?.consumer,
            cancelReason: lease?.cancelReason
        )
    }
}
