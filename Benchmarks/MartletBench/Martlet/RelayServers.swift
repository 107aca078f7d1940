// SPDX-License-Identifier: Apache-2.0
// `ping-pong` and `ring` on the pool: a handler casts to the next server.

import Martlet
import MartletBenchCore

struct RelayServer: GenServer {
    struct Argument {
        let done: Latch
        /// For the first server of a ring.
        let sampler: LatencySampler?
    }

    /// What a server has to show at its end.
    struct Record {
        let handled: Int
        let latencies: [UInt64]
    }

    enum Call { case finish(From<Record>) }
    enum Cast {
        /// The next server.
        case join(ServerRef<RelayServer>)
        /// The message, to be handled that many more times, this one included.
        case token(Int)
    }

    private var handled = 0
    private var sampler: LatencySampler?
    private var next: ServerRef<RelayServer>?
    private let done: Latch

    init(_ argument: Argument) {
        sampler = argument.sampler
        done = argument.done
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .join(let next):
            self.next = next
        case .token(let remaining):
            handled += 1
            sampler?.lap()
            if remaining > 1 { next?.cast(.token(remaining - 1)) } else { done.arrive() }
        }
        return .wait
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .finish(let from):
            from.reply(Record(handled: handled, latencies: sampler?.samples ?? []), then: .stop())
        }
    }
}

/// Rings of servers.
struct RelayServers: RelayTarget {
    private let rings: [[ServerRef<RelayServer>]]

    init(rings: Int, servers: Int, done: Latch, sampler: LatencySampler) async throws {
        var all: [[ServerRef<RelayServer>]] = []
        for _ in 0..<rings {
            var ring: [ServerRef<RelayServer>] = []
            for index in 0..<servers {
                ring.append(try await RelayServer.start(.init(done: done, sampler: index == 0 ? sampler : nil)))
            }
            for (index, server) in ring.enumerated() { server.cast(.join(ring[(index + 1) % servers])) }
            all.append(ring)
        }
        self.rings = all
    }

    func go(hops: Int) {
        for ring in rings { ring[0].cast(.token(hops)) }
    }

    func finish() async throws -> (handled: Int, latencies: [UInt64]) {
        var handled = 0
        var latencies: [UInt64] = []
        for server in rings.joined() {
            let record = try await server.call { .finish($0) }
            handled += record.handled
            latencies += record.latencies
        }
        return (handled, latencies)
    }
}
