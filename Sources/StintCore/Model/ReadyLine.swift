import Foundation

/// The ready jobs in the order of their scores, those of one score in the order of their ids.
package struct ReadyLine: Hashable, Sendable {
    struct Slot: Hashable, Comparable, Sendable {
        var score: Int64
        let id: JobID

        static func < (a: Slot, b: Slot) -> Bool { (a.score, a.id) < (b.score, b.id) }
    }

    private(set) var slots: [Slot] = []

    package var isEmpty: Bool { slots.isEmpty }
    package var count: Int { slots.count }
    package var ids: [JobID] { slots.map(\.id) }

    func score(of id: JobID) -> Int64? { slots.first { $0.id == id }?.score }

    mutating func insert(_ id: JobID, _ score: Int64) {
        let slot = Slot(score: score, id: id)
        slots.insert(slot, at: firstIndex { $0 > slot })
    }

    mutating func remove(_ id: JobID) {
        if let at = slots.firstIndex(where: { $0.id == id }) { slots.remove(at: at) }
    }

    /// The first, and the last, whose scores are in a range.
    func ends(in range: Range<Int64>) -> (first: Slot, last: Slot)? {
        let low = firstIndex { $0.score >= range.lowerBound }, high = firstIndex { $0.score >= range.upperBound }
        return low < high ? (slots[low], slots[high - 1]) : nil
    }

    /// The first of each band.
    var heads: [Slot] {
        zip([nil] + slots.map { Optional($0.score / ReadyScore.band) }, slots).compactMap { before, slot in
            before == slot.score / ReadyScore.band ? nil : slot
        }
    }

    mutating func rescore(_ score: (Slot) -> Int64) {
        for index in slots.indices { slots[index].score = score(slots[index]) }
        slots.sort()
    }

    private func firstIndex(where isReached: (Slot) -> Bool) -> Int {
        var (low, high) = (0, slots.count)
        while low < high {
            let middle = (low + high) / 2
            if isReached(slots[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// The scores of `Lua/include/orders.lua`.
struct ReadyScore {
    /// Where in the band of its score a job that becomes ready is put.
    enum Spot { case end, front, exact }

    static let band: Int64 = 1 << 45
    private static let last: Int64 = 201, stack: Int64 = 210, aged: Int64 = 212

    let order: QueueOrder
    /// Of the two pairs of bands of aged jobs, which take turns when the weight changes.
    let isSecondWeight: Bool
    let estimatesUs: [JobType: Int64]

    /// The model's ticks begin later: in the search the time is always 0, and jobs go before it.
    static func ticks(_ nowUs: Int64) -> Int64 { nowUs / 125 + 1 << 40 }

    static func us(_ ticks: Int64) -> Int64 { (ticks - 1 << 40) * 125 }

    /// Whether a score of the order by deadlines is one.
    static func isDeadline(_ score: Int64) -> Bool { score < last * band }

    static func band(of score: Int64) -> Range<Int64> {
        let low = score / band * band
        return low..<low + band
    }

    func score(_ header: JobHeader, _ ticks: Int64) -> (Int64, Spot) {
        func inBand(_ number: Int64) -> (Int64, Spot) { (number * Self.band + ticks, .end) }
        switch order {
        case .priority: return inBand(Int64(100 - header.priority))
        case .fifo, .random: return inBand(100)
        case .lifo: return ((Self.stack + 1) * Self.band - ticks, .front)
        case .deadline:
            if let deadlineMs = Self.deadlineMs(header) { return (deadlineMs, .exact) }
            return inBand(Self.last)
        case .shortest:
            let ms = header.estimate.map { Double($0.wholeMs) } ?? estimatesUs[header.type].map { Double($0) / 1000 }
            return inBand(ms.map { min(200, Int64(10 * log(max(1, $0)))) } ?? Self.last)
        case .aged: return (agedBase + ticks + age(header), .exact)
        }
    }

    /// When a job became ready, in ticks; `nil` = its score does not tell.
    func ticks(_ header: JobHeader, _ score: Int64) -> Int64? {
        var ticks = score % Self.band
        if case .aged = order, score >= Self.aged * Self.band {
            ticks = score - agedBase - age(header)
        } else if order == .lifo {
            ticks = (Self.stack + 1) * Self.band - score
        } else if score == Self.deadlineMs(header) {
            return nil
        }
        return max(1, min(ticks, Self.band - 1))
    }

    private var agedBase: Int64 { (Self.aged + (isSecondWeight ? 2 : 0)) * Self.band }

    private func age(_ header: JobHeader) -> Int64 {
        guard case .aged(let step) = order else { return 0 }
        return Int64(100 - header.priority) * step.wholeMs * 8
    }

    private static func deadlineMs(_ header: JobHeader) -> Int64? {
        guard case .at(let ms) = header.deadline else { return nil }
        return max(1, min(ms, 253_402_300_799_999))
    }
}
