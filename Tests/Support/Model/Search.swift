import StintTesting

/// Goes through all that can happen to a ``World``, breadth first: all orders of up to so many moves, with a crash, a lost
/// request or a lost reply at every point.
package struct Search: Sendable {
    /// States that were told apart.
    package private(set) var states = 1
    package private(set) var transitions = 0
    /// The first rule that was found broken, and the shortest way there.
    package private(set) var failure: (wrong: [String], steps: [Step])?
    private var parents: [Int32] = [-1]
    private var moves: [Move?] = [nil]

    /// - Parameter depth: how many moves.
    package init(_ plan: Plan, depth: Int) {
        var frontier: [(index: Int32, world: World)] = [(0, World(plan))]
        // Of some millions of states, two share their 64 bits in one search out of a million.
        var seen: Set<Int> = [World(plan).hashValue]
        for _ in 0..<depth where failure == nil {
            var next: [(index: Int32, world: World)] = []
            for (index, world) in frontier {
                for move in world.moves {
                    let (after, wrong) = world.after(move)
                    transitions += 1
                    guard seen.insert(after.hashValue).inserted || !wrong.isEmpty else { continue }
                    parents.append(index)
                    moves.append(move)
                    let broken = wrong + after.wrong
                    if !broken.isEmpty {
                        failure = (broken, steps(to: parents.count - 1))
                        return
                    }
                    states += 1
                    next.append((Int32(parents.count - 1), after))
                }
            }
            frontier = next
        }
    }

    /// The ways to some of the states.
    package func traces(_ count: Int, seed: UInt64) -> [[Step]] {
        var random = SeededGenerator(seed: seed)
        return (0..<min(count, states)).map { _ in steps(to: random.below(states)) }
    }

    /// The way to a state, as a history that can be replayed. A node that crashed comes back under another number.
    package func steps(to state: Int) -> [Step] {
        var way: [Move] = []
        var at = state
        while let move = moves[at] {
            way.append(move)
            at = Int(parents[at])
        }
        var numbers = [0, 1]
        return way.reversed().compactMap { move in
            switch move {
            case .step(let step): return Step(step.command.by { numbers[$0] }, step.fate)
            case .crash(let node):
                numbers[node] += 2
                return nil
            }
        }
    }
}

extension Command {
    fileprivate func by(_ number: (Int) -> Int) -> Command {
        switch self {
        case .claim(let limit, let node, let leaseMs): .claim(limit, by: number(node), leaseMs: leaseMs)
        case .ack(let pick, let node): .ack(pick, by: number(node))
        case .nack(let pick, let verdict, let delayMs, let maxFailures, let node):
            .nack(pick, verdict, delayMs: delayMs, maxFailures: maxFailures, by: number(node))
        case .extend(let pick, let leaseMs, let node): .extend(pick, leaseMs: leaseMs, by: number(node))
        case .release(let pick, let delayMs, let node): .release(pick, delayMs: delayMs, by: number(node))
        case .recover(let node): .recover(by: number(node))
        default: self
        }
    }
}
