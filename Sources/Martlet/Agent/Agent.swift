// SPDX-License-Identifier: Apache-2.0
// State without a server type. Not for logic: when a second operation appears, write a GenServer.

/// A server that keeps a value and runs closures on it, one at a time.
///
/// The value is made in the agent and never leaves it, so it need not be Sendable; what a closure returns must be. Read,
/// change and end it with the functions on ``ServerAddress``: `get`, `update`, `castUpdate`, `stop`; for a reference and a
/// name alike.
///
/// A closure runs in the agent: while it runs, nothing else of the agent does. One that throws ends the agent, and its
/// call fails with `exited`; an ``ExitSignal`` ends it with its reason. A closure that calls its own agent fails with
/// `callingSelf`.
///
/// OTP: Elixir's `Agent`.
///
/// ```swift
/// let scores = try await Agent<[String: Int]>.start { [:] }
/// try await scores.update { $0["ada", default: 0] += 1 }
/// let count = try await scores.get { $0.count }
/// ```
///
/// When not to use: for logic. Rules that must hold whoever changes the value, a second operation that several callers
/// need, a timer, a request that is answered later: a ``GenServer``. For a value that one task owns, a value; for one
/// that threads share for nanoseconds, a `Mutex`.
public struct Agent<State>: GenServer, ~Copyable {
    /// Makes the value, in the agent.
    public typealias Argument = @Sendable () throws -> State

    /// A closure that is answered; made by `get` and `update`.
    public struct Call: Sendable {
        // The closure and its place of reply lie in the existential itself; a closure around them would be an allocation
        // for each call.
        @usableFromInline let operation: any _AgentOperation<State>

        @inlinable
        init(_ operation: any _AgentOperation<State>) { self.operation = operation }
    }

    /// A closure that is not answered; made by `castUpdate`.
    public struct Cast: Sendable {
        @usableFromInline let run: @Sendable (inout State) throws -> Void

        @inlinable
        init(_ run: @escaping @Sendable (inout State) throws -> Void) { self.run = run }
    }

    @usableFromInline var state: State

    /// Callback of the engine; use `start`.
    ///
    /// - Parameter argument: makes the value.
    @inlinable
    public init(_ argument: Argument) throws { state = try argument() }

    /// Callback of the engine; use `get` and `update`.
    ///
    /// - Parameter call: the closure.
    /// - Returns: what the agent does next: it waits.
    @inlinable
    public mutating func handleCall(_ call: Call) throws -> Next { try call.operation.run(&state) }

    /// Callback of the engine; use `castUpdate`.
    ///
    /// - Parameter cast: the closure.
    /// - Returns: what the agent does next: it waits.
    @inlinable
    public mutating func handleCast(_ cast: Cast) throws -> Next {
        try cast.run(&state)
        return .wait
    }
}

extension Agent {
    /// The reference to an agent of this value.
    public typealias Ref = ServerRef<Agent<State>>
}
