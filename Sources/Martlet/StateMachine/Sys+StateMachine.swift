// SPDX-License-Identifier: Apache-2.0
// The state of a machine from outside, and its change to a machine of another type. Its data is what `sys` shows of every
// server: `state`, `withState`, `updateState`, `replaceState`.

extension Sys where S: StateMachine & ~Copyable {
    /// The state that the machine is in (`sys:get_state/1`, of a `gen_statem`).
    ///
    /// - Returns: the state, between two events.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func machineState() async throws(CallError) -> S.State {
        try await engine.withState { $0.flow.state }
    }

    private var engine: Sys<_StateMachineEngine<S>> {
        var engine = Sys<_StateMachineEngine<S>>(pid)
        engine.timeout = timeout
        return engine
    }
}

extension Sys where S: StateMachine {
    /// Makes the machine one of type `New`, keeping what a server keeps, and what waits for it: postponed events, and timeouts,
    /// which run on.
    ///
    /// The new state is not entered, and no postponed event comes back by it. Else as for servers: pid, name, mailbox, links,
    /// monitors and timers stay; a suspended machine stays so; a supervisor restarts the old type.
    ///
    /// OTP: `gen_statem:code_change/4`, by `sys:change_code/4`.
    ///
    /// - Parameters:
    ///   - new: the type it becomes, with the same messages and names of timeouts.
    ///   - state: the new state for the old one, before `migrate`; `{ $0 }` where the states are the same.
    ///   - migrate: makes the new data of the old, in the machine. If either throws, the machine goes on as it was.
    /// - Returns: a reference of the new type, to the same process.
    /// - Throws: what `state` or `migrate` throws; ``CallError``.
    public nonisolated(nonsending) func changeCode<New: StateMachine & ~Copyable>(
        to new: New.Type, state: @escaping @Sendable (S.State) throws -> New.State,
        _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws -> ServerRef<New>
    where New.Call == S.Call, New.Cast == S.Cast, New.Message == S.Message, New.TimerName == S.TimerName {
        try await engine.become(New.processClass) { old in
            let flow = old.flow.changed(to: New.self, try state(old.flow.state))
            return _StateMachineEngine(try migrate(old.machine), flow, hasEntered: old.hasEntered)
        }
        return ServerRef(_pid: pid)
    }
}

extension Sys where S: StateMachine & ~Copyable {
    /// Makes a machine whose data cannot be copied one of type `New`: the migration has the old data for good.
    ///
    /// Else as for data that can be copied.
    ///
    /// - Parameters:
    ///   - new: the type it becomes, with the same messages and names of timeouts.
    ///   - state: the new state for the old one, before `migrate`; `{ $0 }` where the states are the same.
    ///   - migrate: makes the new data of the old, in the machine. If either throws, the machine ends with that error, without
    ///     `terminate`: the old data is gone.
    /// - Returns: a reference of the new type, to the same process.
    /// - Throws: ``CallError``; `exited` with the error that `state` or `migrate` threw.
    public nonisolated(nonsending) func changeCode<New: StateMachine & ~Copyable>(
        to new: New.Type, state: @escaping @Sendable (S.State) throws -> New.State,
        _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws(CallError) -> ServerRef<New>
    where New.Call == S.Call, New.Cast == S.Cast, New.Message == S.Message, New.TimerName == S.TimerName {
        try await engine.become(New.processClass) { old in
            let flow = old.flow.changed(to: New.self, try state(old.flow.state))
            let hasEntered = old.hasEntered
            return _StateMachineEngine(try migrate(old.machine), flow, hasEntered: hasEntered)
        }
        return ServerRef(_pid: pid)
    }
}

extension _StateMachineEngine where M: ~Copyable {
    /// One that goes on where another was.
    fileprivate init(_ machine: consuming M, _ flow: _StateFlow<M>, hasEntered: Bool) {
        self.machine = machine
        self.flow = flow
        self.hasEntered = hasEntered
    }
}

extension _StateFlow where M: ~Copyable {
    /// The same for a machine of another type: what waits goes on waiting.
    fileprivate func changed<New: StateMachine & ~Copyable>(to new: New.Type, _ state: New.State) -> _StateFlow<New>
    where New.Call == M.Call, New.Cast == M.Cast, New.Message == M.Message, New.TimerName == M.TimerName {
        func event(_ old: Event) -> StateEvent<New> {
            switch old {
            case .call(let call): .call(call)
            case .cast(let cast): .cast(cast)
            case .info(let info): .info(info)
            case .stateTimeout: .stateTimeout
            case .eventTimeout: .eventTimeout
            case .timeout(let name): .timeout(name)
            }
        }
        var flow = _StateFlow<New>(state)
        (flow.ahead, flow.postponed) = (ahead.map(event), postponed.map(event))
        (flow.timeouts, flow.hibernates) = (timeouts, hibernates)
        return flow
    }
}
