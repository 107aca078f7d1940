// SPDX-License-Identifier: Apache-2.0
// What a state machine handles: what others sent, and what it owes itself.

/// One event of machine `M`.
///
/// OTP: the event types of `gen_statem`. An `internal` event is one that is inserted: give it a case of `Cast`.
public enum StateEvent<M: StateMachine & ~Copyable>: Sendable {
    /// A call.
    case call(M.Call)
    /// A cast.
    case cast(M.Cast)
    /// A message or signal. Those that nobody declared are not logged: it is for the machine to say (R17).
    case info(Info<M.Message>)
    /// The state lasted as long as its timeout.
    case stateTimeout
    /// No event came for that long.
    case eventTimeout
    /// A named timeout.
    case timeout(M.TimerName)
}
