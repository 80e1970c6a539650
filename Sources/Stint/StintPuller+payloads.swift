import StintCore
import StintRuntime
import StintStore

extension StintPuller {
    /// Of encoded payloads what was enqueued. Of jobs whose payload cannot be had becomes what a node would do with them.
    func decoded(_ jobs: [ClaimedJob]) async throws(StintError) -> [ClaimedJob] {
        let decoder = PayloadDecoder(client.codec)
        if !jobs.contains(where: decoder.concerns) { return jobs }
        var readable: [ClaimedJob] = []
        for job in jobs {
            guard decoder.concerns(job) else {
                readable.append(job)
                continue
            }
            do {
                let payload = try await decoder.decode(job, on: queue, client.logger)
                readable.append(
                    ClaimedJob(id: job.id, token: job.token, header: job.header, payload: payload, tries: job.tries))
            } catch {
                try await settle(job, error)
            }
        }
        return readable
    }

    private func settle(_ job: ClaimedJob, _ error: any Error) async throws(StintError) {
        let held = Held(id: job.id, token: job.token)
        let settle = Settle.decide(
            error: error, cause: nil, header: job.header, tries: job.tries, policy: retry,
            random: .random(in: 0..<1))
        switch settle {
        case .release(let delay):
            _ = try await client.jobs.release([held], on: queue, by: consumer, delay: delay)
        case .retry(let delay, let maxFailures, let reason):
            let nack = Nack(held, .retry, delay: delay, maxFailures: maxFailures, reason: reason)
            _ = try await client.jobs.nack([nack], on: queue, by: consumer)
        case .reject(let reason):
            _ = try await client.jobs.nack(
                [Nack(held, .reject, maxFailures: 1, reason: reason)], on: queue, by: consumer)
        case .ack, .lateAck, .cancel, .nothing: preconditionFailure("an error without a cause ends as a failure")
        }
    }
}
