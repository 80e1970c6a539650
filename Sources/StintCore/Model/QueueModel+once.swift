/// What the steps of a job have come to.
extension QueueModel {
    package struct Note: Hashable, Sendable {
        package let step: String
        package let value: [UInt8]

        /// As it stands in `effects`.
        package var encoded: [UInt8] { Array("\(step.utf8.count) \(value.count) \(step)".utf8) + value }
    }

    package enum StepNote: Hashable, Sendable {
        case noted([UInt8])
        case open, full
        case refused(Refusal)
    }

    /// Reads what a step of a job has come to, or notes it: who does not hold the job does neither.
    package mutating func once(_ step: String, of claim: Claim, noting value: [UInt8]?, by consumer: ConsumerID)
        throws(Malformed) -> StepNote
    {
        try Self.check((1...128).contains(step.utf8.count))
        if let refusal = refusal(of: claim, consumer) { return .refused(refusal) }
        let notes = jobs[claim.id]?.notes ?? []
        if let noted = notes.first(where: { $0.step == step }) { return .noted(noted.value) }
        let note = Note(step: step, value: value ?? [])
        let bytes = (notes + [note]).reduce(0) { $0 + $1.encoded.count }
        if notes.count >= Defaults.maxSteps || bytes > Defaults.maxStepBytes { return .full }
        guard let value else { return .open }
        jobs[claim.id]?.notes.append(note)
        return .noted(value)
    }
}
