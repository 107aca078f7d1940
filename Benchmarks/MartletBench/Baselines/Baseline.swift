// SPDX-License-Identifier: Apache-2.0
// A baseline as a variant: what follows from its kind of server, and what each does in its own way.

import MartletBenchCore

/// A variant that is not Martlet.
protocol Baseline: Variant {
    associatedtype TallyServer: BaselineServer<Tally>
    associatedtype RelayServer: BaselineServer<Relay>

    /// The most servers it can have, and why.
    var serversMax: (count: Int, reason: String)? { get }

    func call(clients: Int) -> Trial
    func spawn() -> Trial
    func timerCancel() -> Trial
    func timerFire() -> Trial
    func lookup(churn: Bool) -> Trial
    func backpressure(_ policy: Workload.Overload) -> Trial
}

extension Baseline {
    var serversMax: (count: Int, reason: String)? { nil }

    func trial(of workload: Workload) -> Trial {
        if let limit = serversMax, workload.servers > limit.count { return .skipped(limit.reason) }
        switch workload {
        case .call(let clients): return call(clients: clients)
        case .cast(let producers):
            return .run { run in
                try await CastWorkload.drive(producers: producers, run) { expected, drained in
                    TallyTarget(server: TallyServer(Tally(expected: expected, drained: drained)))
                }
            }
        case .fanOut(let servers):
            return .run { run in
                try await CastWorkload.driveFanOut(servers: servers, run) { expected, drained in
                    TallyTarget(server: TallyServer(Tally(expected: expected, drained: drained)))
                }
            }
        case .pingPong(let pairs): return relay(rings: pairs, servers: 2)
        case .ring(let servers): return relay(rings: 1, servers: servers)
        case .spawn: return spawn()
        case .ties: return .skipped("has no links and monitors")
        case .registry: return .skipped("has no table that deaths keep right; for lookups alone see lookup")
        case .stage: return .skipped("has no stages")
        case .supervise: return .skipped("has no supervisors")
        case .durable: return .skipped("has no journals")
        case .behaviour: return .skipped("is compared with the GenServer's call")
        case .timerCancel: return timerCancel()
        case .timerFire: return timerFire()
        case .lookup(let churn): return lookup(churn: churn)
        case .backpressure(let policy, _): return backpressure(policy)
        }
    }

    private func relay(rings: Int, servers: Int) -> Trial {
        .run { run in
            try await RelayWorkload.drive(rings: rings, servers: servers, run) { rings, servers, done, sampler in
                await RelayRings<RelayServer>(rings: rings, servers: servers, done: done, sampler: sampler)
            }
        }
    }
}

extension Workload {
    /// How many servers exist at once.
    fileprivate var servers: Int {
        switch self {
        case .fanOut(let servers), .ring(let servers), .spawn(let servers): servers
        case .pingPong(let pairs): pairs * 2
        case .call, .cast, .ties, .supervise, .durable, .timerCancel, .timerFire, .lookup, .registry, .stage,
            .backpressure,
            .behaviour:
            1
        }
    }
}
