// SPDX-License-Identifier: Apache-2.0
// What can be done with an agent, for its reference and its name alike.

extension ServerAddress {
    /// Reads: runs `body` on the value, in the agent (`Agent.get/3`).
    ///
    /// Sees every change of this sender's that was made or cast before (R5). Copy out what is needed, not the whole value.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default; nil waits for ever. As in `call`: a closure that was begun runs to its end.
    ///   - body: reads; it holds the agent up while it runs. What it throws ends the agent.
    /// - Returns: what `body` returns.
    /// - Throws: ``CallError``, as `call` does; `exited` with the error that `body` threw.
    @inlinable
    public nonisolated(nonsending) func get<State, R: Sendable>(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (State) throws -> R
    ) async throws(CallError) -> R where Ref == ServerRef<Agent<State>> {
        try await call(timeout: timeout) { Call(_AgentGet($0, body)) }
    }

    /// Changes, and returns what the closure does (`Agent.update/3`, `Agent.get_and_update/3`).
    ///
    /// A closure that throws ends the agent, what it had changed with it.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default; nil waits for ever. A closure that was begun runs to its end.
    ///   - body: changes the value; it holds the agent up while it runs. What it throws ends the agent.
    /// - Returns: what `body` returns.
    /// - Throws: ``CallError``, as `call` does; `exited` with the error that `body` threw.
    @discardableResult
    @inlinable
    public nonisolated(nonsending) func update<State, R: Sendable>(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (inout State) throws -> R
    ) async throws(CallError) -> R where Ref == ServerRef<Agent<State>> {
        try await call(timeout: timeout) { Call(_AgentUpdate($0, body)) }
    }

    /// Reads, from synchronous code, a synchronous handler included.
    ///
    /// Blocks the thread; on a worker another one takes over its queue meanwhile.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default; nil waits for ever. A closure that was begun runs to its end.
    ///   - body: reads; it holds the agent up while it runs. What it throws ends the agent.
    /// - Returns: what `body` returns.
    /// - Throws: ``CallError`` as when awaited; also `wouldBlockPool` on a thread of Swift's cooperative pool.
    @available(*, noasync)
    @inlinable
    public func get<State, R: Sendable>(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (State) throws -> R
    ) throws(CallError) -> R where Ref == ServerRef<Agent<State>> {
        try call(timeout: timeout) { Call(_AgentGet($0, body)) }
    }

    /// Changes, from synchronous code, a synchronous handler included.
    ///
    /// Blocks the thread; on a worker another one takes over its queue meanwhile.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default; nil waits for ever. A closure that was begun runs to its end.
    ///   - body: changes the value; it holds the agent up while it runs. What it throws ends the agent.
    /// - Returns: what `body` returns.
    /// - Throws: ``CallError`` as when awaited; also `wouldBlockPool` on a thread of Swift's cooperative pool.
    @available(*, noasync)
    @discardableResult
    @inlinable
    public func update<State, R: Sendable>(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (inout State) throws -> R
    ) throws(CallError) -> R where Ref == ServerRef<Agent<State>> {
        try call(timeout: timeout) { Call(_AgentUpdate($0, body)) }
    }

    /// Changes without waiting (`Agent.cast/2`).
    ///
    /// Never fails (R6). A closure that throws ends the agent.
    ///
    /// - Parameter body: changes the value, behind what this sender sent before.
    /// - Returns: what became of it at the moment of sending; may be ignored.
    @discardableResult
    @inlinable
    public func castUpdate<State>(_ body: @escaping @Sendable (inout State) throws -> Void) -> SendOutcome
    where Ref == ServerRef<Agent<State>> { cast(Cast(body)) }
}
