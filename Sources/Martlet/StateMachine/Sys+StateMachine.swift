// SPDX-License-Identifier: Apache-2.0
// The state of a machine from outside. Its data is what `sys` shows of every server: `state`, `withState`, `updateState`,
// `replaceState`.

extension Sys where S: StateMachine & ~Copyable {
    /// The state that the machine is in (`sys:get_state/1`, of a `gen_statem`).
    ///
    /// - Returns: the state, between two events.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func machineState() async throws(CallError) -> S.State {
        var engine = Sys<_StateMachineEngine<S>>(pid)
        engine.timeout = timeout
        return try await engine.withState { $0.flow.state }
    }
}
