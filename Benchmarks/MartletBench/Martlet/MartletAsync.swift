// SPDX-License-Identifier: Apache-2.0
// `martlet.async`: the same servers with asynchronous callbacks, none of which suspends: what `async` itself costs.

import Martlet
import MartletBenchCore

struct MartletAsync: Variant {
    let name = "martlet.async"

    func trial(of workload: Workload) -> Trial {
        switch workload {
        case .call(let clients):
            return .run { run in
                let target = Called(server: try await AsyncCalledServer.start())
                return try await CallWorkload.drive(target, clients: clients, run)
            }
        case .cast(let producers):
            return .run { run in
                try await CastWorkload.drive(producers: producers, run) { expected, drained in
                    Told(server: try await AsyncToldServer.start(.init(expected: expected, drained: drained)))
                }
            }
        case .spawn:
            return .run { run in
                try await SpawnWorkload.drive(run) { count, census in
                    try await IdleServers<AsyncIdleServer>(count, census)
                }
            }
        default:
            return .skipped("what is not in the callbacks is measured by martlet.pool")
        }
    }
}

struct AsyncCalledServer: AsyncGenServer {
    typealias Call = CalledServer.Call

    private var count = 0

    init(_: Void) {}

    nonisolated(nonsending) mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .increment(let from):
            count += 1
            return from.reply(count)
        case .finish(let from):
            return from.reply(count, then: .stop())
        }
    }
}

struct AsyncToldServer: AsyncGenServer {
    typealias Call = ToldServer.Call
    typealias Cast = ToldServer.Cast

    private var count = 0
    private let argument: ToldServer.Argument

    init(_ argument: ToldServer.Argument) {
        self.argument = argument
    }

    nonisolated(nonsending) mutating func handleCast(_ cast: Cast) async -> Next {
        count += 1
        if count == argument.expected { argument.drained.arrive() }
        return .wait
    }

    nonisolated(nonsending) mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .finish(let from): from.reply(count, then: .stop())
        }
    }
}

struct AsyncIdleServer: AsyncGenServer, ~Copyable {
    typealias Call = IdleServer.Call

    private let index: Int
    private let census: Census

    init(_ argument: IdleServer.Argument) {
        index = argument.index
        census = argument.census
        census.enter()
    }

    deinit {
        census.leave()
    }

    nonisolated(nonsending) mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .identity(let from): from.reply(index)
        }
    }
}
