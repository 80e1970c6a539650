import Foundation
import NIOCore
import StintCore
import StintStore

/// Steps of a job that are not done again by its next run.
extension JobContext {
    /// Does something once for this job: what it came to is noted in Redis, and a later run gets that and does nothing.
    ///
    /// A process that dies between the effect and the note does it again in its next run, and so does an effect that throws, of
    /// which nothing is noted. Services that recognise a key can close that gap: they get the same one in every run.
    ///
    /// One run must not do two things under one name, and not the same one twice at a time.
    ///
    /// - Parameters:
    ///   - step: names it within the job: 1 to 128 printable ASCII characters without spaces. Changing it, or what it returns,
    ///     while jobs are under way makes it another step.
    ///   - effect: gets a key that is the same in every run of this job, and for no other step: queue, job and step.
    /// - Returns: what the effect returned, in this run or in one before.
    /// - Throws: what the effect throws. ``StintError``: `leaseLost` when the job is not held any more: before the effect, then it was not
    ///   done; or after it, then another run may do it again. `stepsFull` when no further step can be noted, before the effect, or when its
    ///   value is too large, after it. `undecodable` when the value is not what was noted, or cannot be written as JSON.
    ///   `unavailable`, `unconfirmed` when Redis cannot be asked until the lease is over. Of a job whose payload was encoded also
    ///   what the client's codec throws.
    public func once<Value: Codable>(
        _ step: String, isolation: isolated (any Actor)? = #isolation,
        _ effect: (_ idempotencyKey: String) async throws -> Value
    ) async throws -> Value {
        try Self.check(step)
        try assertHeld()
        switch try await note(nil, of: step) {
        case .noted(let stored): return try decode(await decoded(stored, .step(step)), step)
        case .open: break
        case .full:
            throw StintError(
                .stepsFull, "run \(id)", "there is no room for what the step \(step) comes to; it was not done",
                advice: Self.limits)
        case .refused: throw leaseLost("the step \(step) was not done")
        }
        try assertHeld()
        let value = try await effect("\(idempotencyKey)/\(step)")
        let bytes = try await encoded(encode(value, step), .step(step))
        switch try await note(bytes, of: step) {
        case .noted(let noted): return noted == bytes ? value : try decode(await decoded(noted, .step(step)), step)
        case .open, .full:
            throw StintError(
                .stepsFull, "run \(id)",
                "the step \(step) was done, but what it came to is too large to be noted: \(bytes.readableBytes) bytes",
                advice: "The next run does it again. " + Self.limits)
        case .refused: throw leaseLost("the step \(step) was done, and could not be noted")
        }
    }

    /// The same for what returns nothing.
    public func once(
        _ step: String, isolation: isolated (any Actor)? = #isolation,
        _ effect: (_ idempotencyKey: String) async throws -> Void
    ) async throws {
        _ = try await once(step, isolation: isolation) { key in
            try await effect(key)
            return true
        }
    }

    private static let limits =
        "A job may have \(Defaults.maxSteps) steps and \(Defaults.maxStepBytes) bytes of what they come to: return less, as an address."

    private static func check(_ step: String) throws(StintError) {
        do {
            // The same rule, so that the key is one that services take.
            _ = try JobID(step)
        } catch {
            throw .invalidArgument("once", "\(error.message) or step", advice: error.advice)
        }
    }

    private func leaseLost(_ what: String) -> StintError {
        StintError(
            .leaseLost, "run \(id)", "the lease of this run is over: \(what)",
            advice: "Stop without side effects; the other run takes care of the job.")
    }

    /// Asks until there is an answer, or the lease is over: a note that is lost is an effect that is repeated.
    private func note(_ value: ByteBuffer?, of step: String) async throws(StintError) -> StepNote {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                return try await store.once(step, of: lease.held, noting: value, on: queue, by: consumer)
            } catch {
                guard error.isPassing, ContinuousClock.now.advanced(by: pause) < lease.deadline else { throw error }
                do { try await Task.sleep(for: pause) } catch _ { throw error }
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    private func encode(_ value: some Encodable, _ step: String) throws(StintError) -> ByteBuffer {
        do {
            return ByteBuffer(bytes: try JSONEncoder().encode(value))
        } catch {
            throw StintError(
                .undecodable, "run \(id)", "the step \(step) was done, and what it came to is no JSON: \(error)",
                advice: "The next run does it again. Return something that can be written as JSON.", underlying: error)
        }
    }

    private func decode<Value: Decodable>(_ bytes: ByteBuffer, _ step: String) throws(StintError) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(bytes.readableBytesView))
        } catch {
            throw StintError(
                .undecodable, "run \(id)", "what is noted of the step \(step) is not a \(Value.self)",
                advice: "Give a step that returns something else another name.", underlying: error)
        }
    }
}
