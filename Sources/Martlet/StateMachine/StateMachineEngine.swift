// SPDX-License-Identifier: Apache-2.0
// The engine of StateMachine, written as a GenServer: it calls the machine and performs what the flow decides. Proof that
// the API of GenServer suffices: an event that waits is one `.continue`, so that between two of them a kill finds the
// process; a timeout is a message of its own.

@usableFromInline
struct _StateMachineEngine<M: StateMachine & ~Copyable>: GenServer, ~Copyable {
    @usableFromInline typealias Argument = M.Argument
    @usableFromInline typealias Call = M.Call
    @usableFromInline typealias Cast = M.Cast
    @usableFromInline typealias Message = M.Message

    @usableFromInline var machine: M
    @usableFromInline var flow: _StateFlow<M>
    /// Whether the first state has been entered.
    @usableFromInline var hasEntered = false

    @inlinable
    init(_ argument: M.Argument) throws {
        machine = try M(argument)
        flow = _StateFlow(machine.initialState)
    }

    @inlinable var afterInit: Next { .continue }

    @inlinable
    mutating func handleCall(_ call: M.Call) throws -> Next { try handle(.call(call)) }

    @inlinable
    mutating func handleCast(_ cast: M.Cast) throws -> Next { try handle(.cast(cast)) }

    @inlinable
    mutating func handleInfo(_ info: Info<M.Message>) throws -> Next {
        guard case .unexpected(let value) = info, let timeout = value as? _StateTimeout<M.TimerName> else {
            return try handle(.info(info))
        }
        // A stale one is no event.
        guard let event = flow.fired(timeout) else { return flow.outcome }
        return try handle(event)
    }

    @inlinable
    mutating func handleContinue() throws -> Next {
        if let event = flow.next() { return try handle(event) }
        if hasEntered { return .wait }
        hasEntered = true
        let entry = try machine.enter(flow.state, from: nil)
        return try settle(nil, hasChanged: false, [], entry)
    }

    @inlinable
    mutating func terminate(_ reason: ExitReason) throws { try machine.terminate(reason, in: flow.state) }

    @usableFromInline
    mutating func hibernate() { machine.hibernate() }

    /// What the machine shows of its data, and the name of its state.
    @usableFromInline
    borrowing func formatStatus() -> String { "\(machine.formatStatus()), \(_CallFailure.name(of: flow.state))" }

    @usableFromInline
    mutating func _show(to visitor: _StateVisitor) -> Bool { visitor.visit(&machine) || visitor.visit(&self) }

    // MARK: Events

    /// One event, from the mailbox or from those that waited.
    @inlinable
    mutating func handle(_ event: StateEvent<M>) throws -> Next {
        let transition = try machine.handle(event, in: flow.state)
        var hasChanged = false
        var entry: [StateAction<M>] = []
        switch transition.target {
        case .keep: break
        case .next(let state) where state == flow.state: break
        case .next(let state):
            let old = flow.state
            flow.state = state
            hasChanged = true
            entry = try machine.enter(state, from: old)
        case .again: entry = try machine.enter(flow.state, from: flow.state)
        case .stop(let reason): return .stop(reason)
        }
        if flow.isQuiet, transition.actions.isEmpty, entry.isEmpty { return .wait }
        return try settle(event, hasChanged: hasChanged, transition.actions, entry)
    }

    /// Settles a transition and arms its timers.
    @inlinable
    mutating func settle(
        _ event: StateEvent<M>?, hasChanged: Bool, _ actions: [StateAction<M>], _ entry: [StateAction<M>]
    ) throws -> Next {
        for effect in try flow.settle(event, hasChanged: hasChanged, actions, entry) {
            switch effect {
            case .cancel(let timer): timer.cancel()
            case .start(let timeout, let delay):
                guard let timer = TimerRef.reminding(after: delay, of: timeout) else {
                    throw StateMachineError.noTimer
                }
                flow.timeouts.started(timeout, timer)
            }
        }
        return flow.outcome
    }
}

extension _StateMachineEngine: Copyable where M: Copyable {}
