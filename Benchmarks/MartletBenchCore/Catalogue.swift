// SPDX-License-Identifier: Apache-2.0
// Which workloads a run asks for, how often and for how long: the quick run and the full one.
//
// The budgets: quick ends under 60 s and full under 10 minutes, on two cores with seven variants. A workload without a
// fixed count takes as many operations as fit its round (see Calibration); one with a fixed count takes as long as it
// takes.

/// How much a run spends.
package struct Effort: Sendable {
    /// Rounds of every variant; the median is reported.
    package let rounds: Int
    /// Rounds of the workloads with a fixed count, which take longer than the others.
    package let fixedRounds: Int
    /// How long a round should take where the count is free.
    package let roundTarget: Duration

    package static let quick = Effort(rounds: 3, fixedRounds: 1, roundTarget: .milliseconds(40))
    package static let full = Effort(rounds: 5, fixedRounds: 3, roundTarget: .milliseconds(200))

    package func rounds(of workload: Workload) -> Int {
        workload.fixedOperations == nil ? rounds : fixedRounds
    }
}

extension Workload {
    /// All workloads of a run, in the order in which they are run and reported.
    package static func catalogue(quick: Bool) -> [Workload] {
        var all: [Workload] = []
        all += [1, 8, 64, 1000].map { .call(clients: $0) }
        all += [1, 2, 8, 64].map { .cast(producers: $0) }
        all += [1000, 100_000].map { .fanOut(servers: $0) }
        all += [1, 64].map { .pingPong(pairs: $0) }
        all += [.ring(servers: 1000)]
        all += (quick ? [100_000] : [100_000, 1_000_000]).map { .spawn(servers: $0) }
        all += Tying.allCases.map { .ties($0) }
        all += Supervising.allCases.map { .supervise($0) }
        for store in Keeping.allCases { all += [1, 64, 1_000].map { .durable(servers: $0, in: store) } }
        all += [.timerCancel(timers: quick ? 100_000 : 1_000_000), .timerFire(timers: quick ? 10_000 : 100_000)]
        all += [.lookup(churn: false), .lookup(churn: true)]
        all += Registering.allCases.map { .registry($0) }
        all += [10, 1000].map { .stage(demand: $0) }
        all += Overload.allCases.map { .backpressure(policy: $0, casts: quick ? 100_000 : 1_000_000) }
        for behaviour in Behaviour.allCases { all += [1, 64].map { .behaviour(behaviour, clients: $0) } }
        return all
    }

    /// The number of operations where it belongs to the question, nil where the driver chooses it.
    package var fixedOperations: Int? {
        switch self {
        case .spawn(let servers): servers
        case .ties(.down): Workload.downs
        case .durable(let servers, _): servers == 1 ? Workload.alone : max(1, Workload.transitions / servers) * servers
        case .supervise(.restart): Workload.restarts
        case .supervise: Workload.children
        case .timerCancel(let timers), .timerFire(let timers): timers
        case .backpressure(_, let casts): casts
        case .fanOut(let servers) where servers >= Workload.manyServers: servers
        case .registry(.join): Workload.subscribers
        case .call, .cast, .fanOut, .pingPong, .ring, .lookup, .registry, .stage, .ties, .behaviour: nil
        }
    }

    /// Operations come in multiples of this, so that every client, server or pair has the same share.
    package var operationUnit: Int {
        switch self {
        case .call(let clients): clients
        case .behaviour(_, let clients): clients * Workload.behaviourTurns
        case .cast(let producers): producers
        case .fanOut(let servers), .ring(let servers): servers
        case .pingPong(let pairs): pairs * 2
        case .durable(let servers, _): servers
        case .lookup, .registry(.lookup), .registry(.lookupChurn): Workload.lookupReaders
        case .registry(.dispatch), .registry(.publish): Workload.subscribers
        case .registry(.register): Workload.registeredKeys
        case .registry(.join): 1
        case .spawn, .ties, .supervise, .timerCancel, .timerFire, .stage, .backpressure: 1
        }
    }

    /// The count of the first, warming run: a few operations for every client, server or pair.
    package var firstOperations: Int {
        switch self {
        case .fanOut, .ring, .registry: operationUnit
        default: max(2000 / operationUnit, 2) * operationUnit
        }
    }

    /// Whether each round runs in a process of its own: where peak memory is part of the answer, or where a run leaves
    /// something behind (cancelled sleeps stay in the pool's timer heap, a million servers in the allocator's arenas).
    package var isIsolated: Bool {
        switch self {
        case .spawn, .supervise, .durable, .timerCancel, .timerFire, .backpressure: true
        case .fanOut(let servers): servers >= Workload.manyServers
        case .call, .cast, .pingPong, .ring, .lookup, .registry, .stage, .ties, .behaviour: false
        }
    }

    /// From here on making the servers takes longer than a round: one message each, and no warm-up.
    private static var manyServers: Int { 10_000 }

    /// Transitions of all durable servers together, and of one that waits for each sync.
    private static var transitions: Int { 40_000 }
    private static var alone: Int { 500 }

    /// Children of one supervisor, and how often one of them fails.
    private static var children: Int { 100_000 }
    private static var restarts: Int { 10_000 }

    /// Monitors of one server that ends.
    private static var downs: Int { 100_000 }

    /// Entries of one key that `registry` tells.
    package static var subscribers: Int { 10_000 }
    /// Keys that a process of `registry` has at once.
    package static var registeredKeys: Int { 1_000 }

    /// How often `behaviour` goes from one server to the other and back in a round: what slows the machine down meets both.
    package static var behaviourTurns: Int { 10 }

    /// Readers of `lookup`: one a core of the smallest machine that shows contention.
    package static var lookupReaders: Int { 2 }
}
