// SPDX-License-Identifier: Apache-2.0
// What an agent is asked to do: a closure and where its result goes. 24 bytes, so that an existential holds them in place.

@usableFromInline
protocol _AgentOperation<State>: Sendable {
    associatedtype State
    func run(_ state: inout State) throws -> Next
}

@usableFromInline
struct _AgentGet<State, R: Sendable>: _AgentOperation {
    @usableFromInline let from: From<R>
    @usableFromInline let body: @Sendable (State) throws -> R

    @inlinable
    init(_ from: From<R>, _ body: @escaping @Sendable (State) throws -> R) {
        self.from = from
        self.body = body
    }

    @inlinable
    func run(_ state: inout State) throws -> Next { from.reply(try body(state)) }
}

@usableFromInline
struct _AgentUpdate<State, R: Sendable>: _AgentOperation {
    @usableFromInline let from: From<R>
    @usableFromInline let body: @Sendable (inout State) throws -> R

    @inlinable
    init(_ from: From<R>, _ body: @escaping @Sendable (inout State) throws -> R) {
        self.from = from
        self.body = body
    }

    @inlinable
    func run(_ state: inout State) throws -> Next { from.reply(try body(&state)) }
}
