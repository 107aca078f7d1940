// SPDX-License-Identifier: Apache-2.0
// What the baselines have in common: a state that takes messages one at a time, and four ways to run it.
//
// The states are the same for all, so that they differ only in the mailbox and in who runs the loop.

import MartletBenchCore

/// The state of a server, and what it does with a message.
protocol ServerState: Sendable {
    associatedtype Message: Sendable
    mutating func handle(_ message: Message)
    /// Drops references to other servers, after the last message.
    mutating func retire()
}

extension ServerState {
    mutating func retire() {}
}

/// One of the ways to run a state.
protocol BaselineServer<State>: Sendable {
    associatedtype State: ServerState
    init(_ state: State)
    /// Sends a message; never waits.
    func send(_ message: State.Message)
    /// Handles what is queued, ends; the last state.
    func finish() async -> State
}

/// Where the answer to a call goes.
typealias Reply = @Sendable (Int) -> Void

/// Counts messages, and says when it has seen all of them.
struct Tally: ServerState {
    enum Message: Sendable {
        case bump
        case increment(Reply)
    }

    private(set) var count = 0
    private let expected: Int
    private let drained: Latch?

    /// Arrives at `drained` at the message with the number `expected`.
    init(expected: Int = 0, drained: Latch? = nil) {
        self.expected = expected
        self.drained = drained
    }

    mutating func handle(_ message: Message) {
        count += 1
        switch message {
        case .bump: if count == expected { drained?.arrive() }
        case .increment(let reply): reply(count)
        }
    }
}

/// Passes a message on to the next server of its ring.
struct Relay: ServerState {
    enum Message: Sendable {
        /// The next server: where to send the message. Arrives at `joined` when that is known.
        case join(@Sendable (Message) -> Void, joined: Latch)
        /// The message, to be handled that many more times, this one included.
        case token(Int)
    }

    private(set) var handled = 0
    private(set) var sampler: LatencySampler?
    private var next: (@Sendable (Message) -> Void)?
    private let done: Latch

    init(done: Latch, sampler: LatencySampler?) {
        self.done = done
        self.sampler = sampler
    }

    mutating func handle(_ message: Message) {
        switch message {
        case .join(let next, let joined):
            self.next = next
            joined.arrive()
        case .token(let remaining):
            handled += 1
            sampler?.lap()
            if remaining > 1 { next?(.token(remaining - 1)) } else { done.arrive() }
        }
    }

    mutating func retire() {
        next = nil
    }
}

/// Works for 1 us on each message.
struct Worker: ServerState {
    private(set) var count = 0
    private let expected: Int
    private let drained: Latch?

    init(expected: Int = 0, drained: Latch? = nil) {
        self.expected = expected
        self.drained = drained
    }

    mutating func handle(_ message: Int) {
        BackpressureWorkload.work()
        count += 1
        if count == expected { drained?.arrive() }
    }
}

/// A counting server, for `cast` and `fan-out`.
struct TallyTarget<Server: BaselineServer<Tally>>: CastTarget {
    let server: Server

    func cast() {
        server.send(.bump)
    }

    func finish() async -> Int {
        await server.finish().count
    }
}

/// Rings of servers, for `ping-pong` and `ring`.
struct RelayRings<Server: BaselineServer<Relay>>: RelayTarget {
    private let rings: [[Server]]

    init(rings: Int, servers: Int, done: Latch, sampler: LatencySampler) async {
        let joined = Latch(rings * servers)
        self.rings = (0..<rings).map { _ in
            let ring = (0..<servers).map { Server(Relay(done: done, sampler: $0 == 0 ? sampler : nil)) }
            for (index, server) in ring.enumerated() {
                let next = ring[(index + 1) % servers]
                server.send(.join({ next.send($0) }, joined: joined))
            }
            return ring
        }
        // To cast to an actor is to make a task, and tasks have no order: a server that has not yet joined would lose the
        // message.
        await joined.wait()
    }

    func go(hops: Int) {
        for ring in rings { ring[0].send(.token(hops)) }
    }

    func finish() async throws -> (handled: Int, latencies: [UInt64]) {
        let servers = Array(rings.joined())
        let states = try await Clients.tasks(servers.count) { await servers[$0].finish() }.values
        return (states.reduce(0) { $0 + $1.handled }, states.flatMap { $0.sampler?.samples ?? [] })
    }
}
