import Foundation
public import NIOCore
import StintCore
import StintStore

/// What a job says about itself while it runs.
extension JobContext {
    // MARK: Result

    /// Whether somebody wants this job's result: it was enqueued with one to be kept.
    public var keepsResult: Bool { lease.job.header.keepResult != nil }

    /// What the job has to show for it, any bytes, kept when the run ends as done. The last one counts. Of a job that keeps
    /// none it is dropped.
    ///
    /// - Throws: ``StintError`` with code `payloadTooLarge`: at most ``Defaults/maxResultBytes``.
    public func setResult(_ bytes: ByteBuffer) throws {
        try check(bytes, Defaults.maxResultBytes, "the result")
        if keepsResult { lease.setResult(bytes) }
    }

    /// The same, as JSON.
    public func setResult(encoding value: some Encodable) throws {
        if keepsResult { try setResult(encode(value, "the result")) }
    }

    // MARK: Progress

    /// How far the job is, 0 to 1, and what it is doing: shown by `stint job show`, ``StintClient`` and events.
    ///
    /// It returns at once: the last one of some that follow each other quickly is sent in the background, a few times a second
    /// at most. One that cannot be sent is counted and forgotten.
    public func progress(_ fraction: Double, _ note: String = "") {
        let bounded = fraction.isFinite ? min(1, max(0, fraction)) : 0
        desk.progress("\(bounded) \(String(decoding: note.utf8.prefix(1000), as: UTF8.self))", of: lease)
    }

    // MARK: Checkpoints

    /// Stores what the next run of this job needs if this one does not come to its end, as JSON. The last one counts. It stays
    /// over failures, lapses and releases, and goes when the job is done or forgotten.
    ///
    /// - Throws: ``StintError``: `leaseLost` when the job is another's by now: stop without side effects; `payloadTooLarge`
    ///   beyond ``Defaults/maxCheckpointBytes``; `queueFull`, `unavailable`, `unconfirmed`: it may or may not be stored. What
    ///   the client's codec throws, where the job's payload was encoded.
    public func checkpoint(_ value: some Encodable & Sendable) async throws {
        try await saveCheckpoint(encode(value, "the checkpoint"))
    }

    /// The same, for any bytes.
    public func saveCheckpoint(_ bytes: ByteBuffer) async throws {
        try check(bytes, Defaults.maxCheckpointBytes, "the checkpoint")
        try assertHeld()
        let note = Note(lease.held, .checkpoints, try await encoded(bytes, .checkpoint))
        let refusals = try await desk.store.note([note], on: queue, by: consumer)
        if refusals.first.flatMap({ $0 }) != nil { throw leaseIsOver }
    }

    /// What an earlier run of this job has stored last; `nil` = nothing. Asked for when it is called.
    ///
    /// - Throws: ``StintError``: `undecodable`, or what the connection met. Of a job whose payload was encoded also `keyMissing`,
    ///   which hands the job back for 30 s when the handler throws it on, and `tampered`.
    public func checkpoint<Value: Decodable>(as type: Value.Type) async throws -> Value? {
        guard let bytes = try await loadCheckpoint() else { return nil }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
        } catch {
            throw StintError(
                .undecodable, "run \(id)", "the checkpoint is not a \(type): \(error)",
                advice: "An older version of the job may have written it.", underlying: error)
        }
    }

    /// The same, as bytes.
    public func loadCheckpoint() async throws -> ByteBuffer? {
        guard let stored = try await desk.store.checkpoint(of: id, on: queue) else { return nil }
        return try await decoded(stored, .checkpoint)
    }

    // MARK: Log

    /// Adds a line to the job's log, for people: the last 1,000 or so are kept for a day after the last one, over all runs.
    /// `stint job tail` shows them. It returns at once, and is sent as ``progress(_:_:)`` is.
    public func log(_ line: String) {
        desk.log(line, of: lease)
    }

    // MARK: -

    private func encode(_ value: some Encodable, _ what: String) throws -> ByteBuffer {
        do {
            return ByteBuffer(bytes: try JSONEncoder().encode(value))
        } catch {
            throw StintError(
                .undecodable, "run \(id)", "\(what) cannot be written as JSON: \(error)", underlying: error)
        }
    }

    private func check(_ bytes: ByteBuffer, _ limit: Int, _ what: String) throws {
        if bytes.readableBytes > limit {
            throw StintError(
                .payloadTooLarge, "run \(id)", "\(what) has \(bytes.readableBytes) bytes, the limit is \(limit)",
                advice: "Keep large data in a store of its own, and its address here.")
        }
    }
}
