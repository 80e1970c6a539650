import DequeModule
import StintCore
import Synchronization

/// A long-lived task that runs one job after the other. One that was cancelled ends, and another takes its place: so a
/// job can be cancelled without a task of its own for each.
final class Slot: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var lease: HeldLease?
        var isCountedOut = false
    }

    private let state = Mutex(State())

    /// - Parameter body: runs in Swift's cooperative pool, whatever executor the caller prefers.
    func start(_ body: @escaping @Sendable (Slot) async -> Void) {
        // Under the lock, so that a cancel which comes early waits for the task to be there.
        state.withLock { state in
            state.task = Task(executorPreference: globalConcurrentExecutor) { await body(self) }
        }
    }

    /// Waits until the body has ended.
    func join() async { await state.withLock { $0.task }?.value }

    func begin(_ lease: HeldLease) { state.withLock { $0.lease = lease } }
    func end() { state.withLock { $0.lease = nil } }

    /// - Returns: true the first time.
    func countOut() -> Bool {
        state.withLock { state in
            defer { state.isCountedOut = true }
            return !state.isCountedOut
        }
    }

    /// Cancels the task, if it runs this job.
    ///
    /// Under the lock, so that the slot cannot go on to another job meanwhile. The user's cancellation handlers run here;
    /// nothing that they can call takes this lock.
    func cancel(_ lease: HeldLease) {
        state.withLock { state in
            if state.lease === lease { state.task?.cancel() }
        }
    }
}

/// The claimed jobs that wait in this process, and the slots that run them.
final class SlotPool: Sendable {
    private struct State {
        var waiting: Deque<HeldLease> = []
        var idle: [CheckedContinuation<HeldLease?, Never>] = []
        var slots = 0
        var isClosed = false
        var isQuiet = false
        var prefetch = 0
        var isHungry = false
        var isIdleWanted = false

        var hasRoom: Bool { !isClosed && !isQuiet && idle.count > waiting.count }
    }

    let concurrency: Int
    private let state = Mutex(State())
    private let onHungry: @Sendable () -> Void
    private let onIdle: @Sendable () -> Void
    private let onDrained: @Sendable () -> Void
    private let run: @Sendable (HeldLease, Slot) async -> Void

    /// - Parameters:
    ///   - onHungry: called when the pool could take jobs again, after ``demand()`` had said that it cannot.
    ///   - onIdle: called when a slot has nothing to do, after ``seeRoom()`` had said that there is none.
    ///   - onDrained: called when the pool is closed and its last slot has ended.
    ///   - run: runs one job to its end; throws nothing, decides everything.
    init(
        concurrency: Int, onHungry: @escaping @Sendable () -> Void, onIdle: @escaping @Sendable () -> Void,
        onDrained: @escaping @Sendable () -> Void, run: @escaping @Sendable (HeldLease, Slot) async -> Void
    ) {
        self.concurrency = concurrency
        self.onHungry = onHungry
        self.onIdle = onIdle
        self.onDrained = onDrained
        self.run = run
    }

    func start() {
        for _ in 0..<concurrency { startSlot() }
    }

    private func startSlot() {
        state.withLock { $0.slots += 1 }
        Slot().start { slot in
            while let lease = await self.next() {
                await self.run(lease, slot)
                if Task.isCancelled { break }
            }
            self.replace(slot)
        }
    }

    /// Lets another slot take the place of one that has ended, or that will not end for a long time.
    func replace(_ slot: Slot) {
        guard slot.countOut() else { return }
        let (isClosed, slots) = state.withLock { state in
            state.slots -= 1
            return (state.isClosed, state.slots)
        }
        if !isClosed {
            startSlot()
        } else if slots == 0 {
            onDrained()
        }
    }

    /// The next job for a slot; `nil` = the pool is closed.
    private func next() async -> HeldLease? {
        enum Step { case take(HeldLease, isHungry: Bool), end, wait }
        func step(_ state: inout State) -> Step {
            if let lease = state.waiting.popFirst() {
                let isHungry = state.isHungry && state.waiting.count <= state.prefetch / 2
                if isHungry { state.isHungry = false }
                return .take(lease, isHungry: isHungry)
            }
            return state.isClosed ? .end : .wait
        }
        switch state.withLock({ step(&$0) }) {
        case .take(let lease, let isHungry):
            if isHungry { onHungry() }
            return lease
        case .end: return nil
        case .wait: break
        }
        return await withCheckedContinuation { continuation in
            let (answer, isHungry, isIdleWanted): (HeldLease??, Bool, Bool) = state.withLock { state in
                switch step(&state) {
                case .take(let lease, let isHungry): return (.some(lease), isHungry, false)
                case .end: return (.some(nil), false, false)
                case .wait:
                    state.idle.append(continuation)
                    defer { (state.isHungry, state.isIdleWanted) = (false, false) }
                    return (nil, state.isHungry, state.isIdleWanted)
                }
            }
            if let answer { continuation.resume(returning: answer) }
            if isHungry { onHungry() }
            if isIdleWanted { onIdle() }
        }
    }

    /// How many jobs the pool can take now: idle slots, and what may wait for a slot besides. When it says 0 the pool calls
    /// `onHungry` as soon as that has changed.
    ///
    /// - Parameter prefetch: how many jobs may wait in this process beyond the slots.
    func demand(prefetch: Int) -> Int {
        state.withLock { state in
            state.prefetch = prefetch
            let demand = state.isClosed || state.isQuiet ? 0 : state.idle.count + prefetch - state.waiting.count
            // With a prefetch, ask again only when half of it is used up: claims in batches, not one by one.
            if demand <= 0 || demand < prefetch / 2 {
                state.isHungry = true
                return 0
            }
            return demand
        }
    }

    /// While it is quiet the pool takes no more jobs, as if all slots were busy, and runs those that it has.
    func setQuiet(_ isQuiet: Bool) {
        state.withLock { $0.isQuiet = isQuiet }
        if !isQuiet {
            onHungry()
            onIdle()
        }
    }

    /// - Returns: false when the pool is closed: it has taken none of them.
    func add(_ leases: [HeldLease]) -> Bool {
        let woken = state.withLock { state in
            guard !state.isClosed else { return nil as [(CheckedContinuation<HeldLease?, Never>, HeldLease)]? }
            var woken: [(CheckedContinuation<HeldLease?, Never>, HeldLease)] = []
            for lease in leases {
                if let slot = state.idle.popLast() {
                    woken.append((slot, lease))
                } else {
                    state.waiting.append(lease)
                }
            }
            return woken
        }
        guard let woken else { return false }
        for (slot, lease) in woken { slot.resume(returning: lease) }
        return true
    }

    /// Takes back the jobs that no slot has begun, and ends every slot that has nothing to do.
    func close() -> [HeldLease] {
        let (idle, waiting) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.waiting) = ([], []) }
            return (state.idle, Array(state.waiting))
        }
        for slot in idle { slot.resume(returning: nil) }
        return waiting
    }

    /// Takes back the jobs that wait, when the first of them has waited too long for a slot.
    func takeStale(olderThan limit: Duration) -> [HeldLease] {
        state.withLock { state in
            guard let first = state.waiting.first, first.claimedAt.advanced(by: limit) < .now else { return [] }
            defer { state.waiting = [] }
            return Array(state.waiting)
        }
    }

    var hasWaiting: Bool { state.withLock { !$0.waiting.isEmpty } }
    var hasRoom: Bool { state.withLock { $0.hasRoom } }

    /// Whether a slot has nothing to do. When it says no the pool calls `onIdle` as soon as that has changed.
    func seeRoom() -> Bool {
        state.withLock { state in
            state.isIdleWanted = !state.hasRoom
            return state.hasRoom
        }
    }
    var isDrained: Bool { state.withLock { $0.slots == 0 } }
}
