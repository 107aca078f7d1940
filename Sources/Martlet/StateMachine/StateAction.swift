// SPDX-License-Identifier: Apache-2.0
// What goes with a transition. Data: the engine acts on it, when the handler has returned.

/// One action of machine `M`.
///
/// Of several that set the same timeout, the last counts, and those of `enter` come after those of the handler. A timeout
/// is never early (R22). One of zero, or less, is due before anything is taken from the mailbox, and behind events that are
/// inserted or come back; a cancelled or replaced one is never heard, also when its time was over. Bounds of the mailbox
/// do not touch timeouts.
///
/// OTP: the transition actions of `gen_statem`, but for replies, which `From` gives.
public enum StateAction<M: StateMachine & ~Copyable>: Sendable {
    /// Keeps the event for after the next change of state: then it is handled again, in the order of arrival.
    ///
    /// With a transition that changes the state, at once.
    case postpone
    /// Gives memory back when nothing waits to be handled, and sleeps until the next event (R9).
    case hibernate
    /// `.stateTimeout` after that long in this state; nil cancels. A change of state cancels it.
    ///
    /// In a transition that changes the state it belongs to the new one.
    case stateTimeout(Duration?)
    /// `.eventTimeout` if no event comes for that long.
    ///
    /// Any event ends it: also one that is inserted, comes back, or is a timeout.
    case eventTimeout(Duration)
    /// `.timeout(name)` after that long, whatever the state; nil cancels. A new one of the same name replaces the old.
    case timeout(M.TimerName, Duration?)
    /// Handles this event next, before any that waits (`next_event`); several in the order of the actions.
    case insert(StateEvent<M>)
}
