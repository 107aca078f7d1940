// SPDX-License-Identifier: Apache-2.0
// `martlet.caller`: the same calls to a server that lets its callers run the handler. Clients are ordinary tasks.
//
// A client that finds the server busy with another's call waits in its mailbox as with `martlet.pool`.

import Martlet
import MartletBenchCore

struct MartletCaller: Variant {
    let name = "martlet.caller"

    func trial(of workload: Workload) -> Trial {
        guard case .call(let clients) = workload else {
            return .skipped("only calls run on their caller's thread: see martlet.pool")
        }
        return .run { run in
            let target = CalledInPlace(server: try await InPlaceServer.start())
            return try await CallWorkload.drive(target, clients: clients, run, checksHop: true)
        }
    }
}

struct InPlaceServer: GenServer {
    enum Call {
        case increment(From<Int>)
        case finish(From<Int>)
    }

    static var execution: Execution { .caller }

    private var count = 0

    init(_: Void) {}

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .increment(let from):
            count += 1
            return from.reply(count)
        case .finish(let from):
            return from.reply(count, then: .stop())
        }
    }
}

/// The server from its clients' side.
private struct CalledInPlace: CallTarget {
    let server: ServerRef<InPlaceServer>

    nonisolated(nonsending) func increment() async throws -> Int { try await server.call { .increment($0) } }
    func finish() async throws -> Int { try await server.call { .finish($0) } }
}
