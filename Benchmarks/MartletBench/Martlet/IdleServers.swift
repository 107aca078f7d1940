// SPDX-License-Identifier: Apache-2.0
// `spawn` on the pool: servers that only wait, started and stopped by a few tasks on the runtime.

import Martlet

/// Noncopyable, so that its own `deinit` tells the census that it is gone.
struct IdleServer: GenServer, ~Copyable {
    struct Argument {
        let index: Int
        let census: Census
    }

    enum Call { case identity(From<Int>) }

    private let index: Int
    private let census: Census

    init(_ argument: Argument) {
        index = argument.index
        census = argument.census
        census.enter()
    }

    deinit {
        census.leave()
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .identity(let from): from.reply(index)
        }
    }
}

struct IdleServers<S: Server & ~Copyable>: Population
where S.Argument == IdleServer.Argument, S.Call == IdleServer.Call {
    /// A few: enough to show whether starts disturb each other.
    private static var starters: Int { 4 }

    private let servers: [ServerRef<S>]

    init(_ count: Int, _ census: Census) async throws {
        let parts = try await Clients.tasks(Self.starters, on: Runtime.shared.executor) { starter in
            let range = Self.share(of: starter, in: count)
            var part: [ServerRef<S>] = []
            part.reserveCapacity(range.count)
            for index in range { part.append(try await S.start(.init(index: index, census: census))) }
            return (starter, part)
        }
        servers = parts.values.sorted { $0.0 < $1.0 }.flatMap { $0.1 }
    }

    func identity(at index: Int) async throws -> Int { try await servers[index].call { .identity($0) } }

    func stop() async throws {
        _ = try await Clients.tasks(Self.starters, on: Runtime.shared.executor) { starter in
            for server in servers[Self.share(of: starter, in: servers.count)] { try await server.stop() }
        }
    }

    /// The part of one starter.
    private static func share(of starter: Int, in count: Int) -> Range<Int> {
        count * starter / starters..<count * (starter + 1) / starters
    }
}
