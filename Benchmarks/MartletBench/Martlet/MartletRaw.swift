// SPDX-License-Identifier: Apache-2.0
// `martlet.raw`: the loops that one writes by hand, in raw processes: receive, switch, send the answer.
//
// Clients of `call` are processes too; each has a mailbox, where the answers arrive. What a GenServer adds (typed
// replies, deadlines, failing at once when the server ends) is not there, so this is not the same work as
// `martlet.pool`.

import Martlet
import MartletBenchCore

struct MartletRaw: Variant {
    let name = "martlet.raw"

    func trial(of workload: Workload) -> Trial {
        switch workload {
        case .call(let clients):
            return .run { run in try await CallWorkload.drive(equipped: RawCounter(), clients: clients, run) }
        case .cast(let producers):
            return .run { run in
                try await CastWorkload.drive(producers: producers, run) { expected, drained in
                    RawCounter(expected: expected, drained: drained)
                }
            }
        case .fanOut(let servers):
            return .run { run in
                try await CastWorkload.driveFanOut(servers: servers, run) { expected, drained in
                    RawCounter(expected: expected, drained: drained)
                }
            }
        case .pingPong(let pairs): return relay(rings: pairs, servers: 2)
        case .ring(let servers): return relay(rings: 1, servers: servers)
        case .spawn:
            return .run { run in
                try await SpawnWorkload.drive(run) { count, census in await RawIdlers(count, census) }
            }
        case .ties, .supervise, .durable, .timerCancel, .timerFire, .lookup, .registry, .stage, .backpressure,
            .behaviour:
            return .skipped(
                "ties, timers, tables, mailboxes and behaviours are the same for all processes: see martlet.pool")
        }
    }

    private func relay(rings: Int, servers: Int) -> Trial {
        .run { run in
            try await RelayWorkload.drive(rings: rings, servers: servers, run) { rings, servers, done, sampler in
                RawRings(rings: rings, servers: servers, done: done, sampler: sampler)
            }
        }
    }
}

/// Asks a raw process as a process: sends what `request` makes of this one's address, waits for the answer.
func ask<Message, Reply: Sendable>(
    _ process: ProcessRef<Message>, _ request: (ProcessRef<Reply>) -> Message
) async throws -> Reply {
    try await withProcess(receiving: Reply.self) { mailbox in
        process.send(request(mailbox.ref))
        return try await mailbox.receive()
    }
}
