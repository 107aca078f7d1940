// SPDX-License-Identifier: Apache-2.0
// `cast` and `fan-out` on the pool: a server that counts what it is told, and says when that was all.

import Martlet

struct ToldServer: GenServer {
    struct Argument {
        let expected: Int
        let drained: Latch
    }

    enum Call { case finish(From<Int>) }
    enum Cast { case bump }

    private var count = 0
    private let argument: Argument

    init(_ argument: Argument) {
        self.argument = argument
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        count += 1
        if count == argument.expected { argument.drained.arrive() }
        return .wait
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .finish(let from): from.reply(count, then: .stop())
        }
    }
}

/// The server from its senders' side.
struct Told<S: Server>: CastTarget where S.Call == ToldServer.Call, S.Cast == ToldServer.Cast {
    let server: ServerRef<S>

    func cast() { server.cast(.bump) }
    func finish() async throws -> Int { try await server.call(timeout: nil) { .finish($0) } }
}
