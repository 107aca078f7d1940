// SPDX-License-Identifier: Apache-2.0
// `martlet.pool`: GenServers as one writes them, with the default execution: handlers run on the workers of the
// runtime.
//
// Clients of `call` are tasks on the runtime's executor, so that a call stays on the runtime's threads. Producers,
// readers and those who arm timers are threads, as everywhere. All of it runs on `Runtime.shared`.

import Martlet
import MartletBenchCore
import MartletPostgreSQL

struct MartletPool: Variant {
    let name = "martlet.pool"

    func trial(of workload: Workload) -> Trial {
        switch workload {
        case .call(let clients):
            return .run { run in
                try await CallWorkload.drive(Called(server: try await CalledServer.start()), clients: clients, run)
            }
        case .cast(let producers):
            return .run { run in
                try await CastWorkload.drive(producers: producers, run) { expected, drained in
                    Told(server: try await ToldServer.start(.init(expected: expected, drained: drained)))
                }
            }
        case .fanOut(let servers):
            return .run { run in
                try await CastWorkload.driveFanOut(servers: servers, run) { expected, drained in
                    Told(server: try await ToldServer.start(.init(expected: expected, drained: drained)))
                }
            }
        case .pingPong(let pairs): return relay(rings: pairs, servers: 2)
        case .ring(let servers): return relay(rings: 1, servers: servers)
        case .spawn:
            return .run { run in
                try await SpawnWorkload.drive(run) { count, census in try await IdleServers<IdleServer>(count, census) }
            }
        case .ties(let kind): return .run { run in try await TyingServer.drive(kind, run) }
        case .durable(let servers, .sqlite):
            return .run { run in
                try await DurableServer.withFile { try await DurableServer.drive(servers, $0, run) }
            }
        case .durable(let servers, .postgresql):
            guard let address = DurableServer.postgreSQL else {
                return .skipped("no server: MARTLET_POSTGRESQL says where one is")
            }
            return .run { run in
                try await DurableServer.drive(servers, PostgreSQLStore(address), run)
            }
        case .supervise(let kind): return .run { run in try await SupervisedServer.drive(kind, run) }
        case .timerCancel:
            return .run { run in
                try await TimerWorkload.driveCancel(run) { Alarms(server: try await AlarmServer.start($0)) }
            }
        case .timerFire:
            return .run { run in
                try await TimerWorkload.driveFire(run) { Alarms(server: try await AlarmServer.start($0)) }
            }
        case .behaviour(let behaviour, let clients):
            return .run { run in try await BehaviourWorkload.drive(behaviour, clients: clients, run) }
        case .lookup(let churn):
            return .run { run in try await LookupWorkload.drive(NamedServers(), churn: churn, run) }
        case .registry(let kind): return .run { run in try await RegistryWorkload.drive(kind, run) }
        case .stage(let demand): return .run { run in try await CountedStages.drive(demand: demand, run) }
        case .backpressure(let policy, _):
            return .run { run in
                try await BackpressureWorkload.drive(try await FloodedServer.start(policy, run), run)
            }
        }
    }

    private func relay(rings: Int, servers: Int) -> Trial {
        .run { run in
            try await RelayWorkload.drive(rings: rings, servers: servers, run) { rings, servers, done, sampler in
                try await RelayServers(rings: rings, servers: servers, done: done, sampler: sampler)
            }
        }
    }
}
