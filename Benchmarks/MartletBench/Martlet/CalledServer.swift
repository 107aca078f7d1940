// SPDX-License-Identifier: Apache-2.0
// `call` on the pool: a server that counts what it is asked, and its clients on the runtime.

import Martlet
import MartletBenchCore

struct CalledServer: GenServer {
    enum Call {
        case increment(From<Int>)
        case finish(From<Int>)
    }

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
struct Called<S: Server>: CallTarget where S.Call == CalledServer.Call {
    let server: ServerRef<S>

    // Inlined, as it is where there is one kind of server: a frame more would be the benchmark's, not the call's.
    @inline(__always)
    nonisolated(nonsending) func increment() async throws -> Int { try await server.call { .increment($0) } }
    func finish() async throws -> Int { try await server.call { .finish($0) } }
    var clientExecutor: (any TaskExecutor)? { Runtime.shared.executor }
}
