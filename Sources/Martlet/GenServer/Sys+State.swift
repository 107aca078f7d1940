// SPDX-License-Identifier: Apache-2.0
// The state of a server from outside, typed. The closures run in the server, between messages.

extension Sys where S: Server & ~Copyable {
    /// Reads the state in place: works for every state, noncopyable and not Sendable.
    ///
    /// - Parameter body: reads the state; it holds the server up while it runs.
    /// - Returns: what `body` returns.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func withState<R: Sendable>(
        _ body: @escaping @Sendable (borrowing S) -> R
    ) async throws(CallError) -> R {
        try await look { state in body(state) }
    }

    /// Changes the state in place.
    ///
    /// - Parameter body: changes the state.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func updateState(
        _ body: @escaping @Sendable (inout S) -> Void
    ) async throws(CallError) {
        try await look { state in body(&state) }
    }

    nonisolated(nonsending) func look<R: Sendable>(
        _ body: @escaping @Sendable (inout S) -> R
    ) async throws(CallError) -> R {
        try await ask { _ in
            _SystemCommand(ofServer: _StateCommand<S> { state, reply in _Answer.give(body(&state), to: reply) })
        }
    }
}

extension Sys where S: Server & Sendable {
    /// A copy of the state (`sys:get_state/1`).
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func state() async throws(CallError) -> S { try await withState { $0 } }
}

extension Sys where S: Server {
    /// Replaces the state (`sys:replace_state/2`).
    ///
    /// - Parameter body: makes the new state of the old one. If it throws, the state is as before.
    /// - Throws: what `body` throws; ``CallError``.
    public nonisolated(nonsending) func replaceState(_ body: @escaping @Sendable (S) throws -> S) async throws {
        let failure: (any Error)? = try await look { state in
            do { state = try body(state) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }
}
