// SPDX-License-Identifier: Apache-2.0
// What a state machine does after an event. Data: the engine acts on it.

/// The result of handling an event of machine `M`.
///
/// OTP: `keep_state`, `next_state`, `repeat_state`, `stop`, `stop_and_reply`.
public struct StateTransition<M: StateMachine & ~Copyable>: Sendable {
    @usableFromInline
    enum Target: Sendable { case keep, next(M.State), again, stop(ExitReason) }

    @usableFromInline let target: Target
    @usableFromInline let actions: [StateAction<M>]

    @inlinable
    init(target: Target, actions: [StateAction<M>] = []) {
        self.target = target
        self.actions = actions
    }

    /// Stays in the state.
    @inlinable public static var keep: Self { Self(target: .keep) }

    /// Stays in the state, with actions.
    ///
    /// - Parameter actions: what else to do.
    /// - Returns: the value to return.
    @inlinable
    public static func keep(_ actions: StateAction<M>...) -> Self { Self(target: .keep, actions: actions) }

    /// Goes to a state.
    ///
    /// Going to the same state is staying (`next_state`): no `enter`, no event comes back, the state timeout runs on.
    ///
    /// - Parameters:
    ///   - state: the state to be in.
    ///   - actions: what else to do.
    /// - Returns: the value to return.
    @inlinable
    public static func next(_ state: M.State, _ actions: StateAction<M>...) -> Self {
        Self(target: .next(state), actions: actions)
    }

    /// Enters the same state anew (`repeat_state`): `enter` runs, and so the timeouts that it returns start again.
    ///
    /// It is no change of state: no event comes back, and a state timeout that nobody sets anew runs on.
    ///
    /// - Parameter actions: what else to do.
    /// - Returns: the value to return.
    @inlinable
    public static func enterAgain(_ actions: StateAction<M>...) -> Self { Self(target: .again, actions: actions) }

    /// Keeps the event for after the next change of state.
    @inlinable public static var postpone: Self { Self(target: .keep, actions: [.postpone]) }

    /// Ends the process: runs `terminate`, then exits.
    ///
    /// - Parameter reason: what links, monitors and callers are told; `normal` by default.
    /// - Returns: the value to return.
    @inlinable
    public static func stop(_ reason: ExitReason = .normal) -> Self { Self(target: .stop(reason)) }
}

extension From {
    /// Answers at once, before a stop too (`stop_and_reply`, R10), and returns the transition.
    ///
    /// - Parameters:
    ///   - reply: the answer.
    ///   - transition: what the handler returns.
    /// - Returns: `transition`.
    @inlinable
    public func reply<M: StateMachine & ~Copyable>(
        _ reply: consuming Reply, then transition: StateTransition<M>
    ) -> StateTransition<M> {
        self.reply(reply)
        return transition
    }
}

extension From where Reply == Void {
    /// Answers at once, and returns the transition.
    ///
    /// - Parameter transition: what the handler returns.
    /// - Returns: `transition`.
    @inlinable
    public func reply<M: StateMachine & ~Copyable>(then transition: StateTransition<M>) -> StateTransition<M> {
        reply((), then: transition)
    }
}
