// SPDX-License-Identifier: Apache-2.0
// `agent` and `statemachine` on the pool: what `CalledServer` does, as an agent and as a state machine.

import Martlet
import MartletBenchCore

/// An agent that counts.
struct CalledAgent: CallTarget {
    private let agent: Agent<Int>.Ref

    init() async throws { agent = try await Agent<Int>.start { 0 } }

    // Inlined, as in `Called`.
    @inline(__always)
    nonisolated(nonsending) func increment() async throws -> Int {
        try await agent.update { count in
            count += 1
            return count
        }
    }

    func finish() async throws -> Int {
        let count = try await agent.get { $0 }
        try await agent.stop()
        return count
    }

    var clientExecutor: (any TaskExecutor)? { Runtime.shared.executor }
}

/// A machine that changes its state with each call.
struct CalledMachine: StateMachine {
    typealias Call = CalledServer.Call
    enum State { case even, odd }

    private var count = 0
    /// Whether each state has a timeout.
    private let isTimed: Bool

    init(_ isTimed: Bool) { self.isTimed = isTimed }
    var initialState: State { .even }

    mutating func handle(_ event: Event, in state: State) -> Transition {
        switch event {
        case .call(.increment(let from)):
            count += 1
            let next = state == .even ? State.odd : .even
            return from.reply(count, then: isTimed ? .next(next, .stateTimeout(.seconds(60))) : .next(next))
        case .call(.finish(let from)):
            return from.reply(count, then: .stop())
        case .cast, .info, .stateTimeout, .eventTimeout, .timeout:
            return .keep
        }
    }
}
