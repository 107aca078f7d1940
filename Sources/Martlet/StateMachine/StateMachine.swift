// SPDX-License-Identifier: Apache-2.0
// A server whose answer depends on a state (OTP `gen_statem`, handle_event_function). When one switch on the state
// suffices, a GenServer does.

/// A server with an explicit state, timeouts that belong to it, and events that wait for the right one.
///
/// The conforming value is the data beside the state; it may be noncopyable and need not be Sendable. Everything else of a
/// ``GenServer`` holds: calls, casts and messages in the order of sending, throws and exits, `terminate`, names, `sys`.
///
/// One event at a time, in this order:
///
///     1. handle(event, in: state) -> transition        replies leave at once
///     2. the state is another:  enter(new, from: old)  also after `enterAgain`
///     3. the event timeout ends; after a change of state the state timeout too
///     4. postponed: the event is put aside; a change of state brings all such back, oldest first
///     5. timeouts start; inserted events go in front of all that waits
///     6. what is inserted or came back is handled next, then what is due at once, then the mailbox
///
/// OTP: `gen_statem` with `handle_event_function` and state enter calls.
///
/// ```swift
/// struct Door: StateMachine {
///     enum State { case locked, open }
///     enum Cast { case enter(code: String) }
///     let code: String
///     var initialState: State { .locked }
///     init(_ code: String) { self.code = code }
///
///     mutating func handle(_ event: Event, in state: State) -> Transition {
///         switch (event, state) {
///         case (.cast(.enter(code)), .locked): .next(.open, .stateTimeout(.seconds(10)))
///         case (.stateTimeout, .open): .next(.locked)
///         default: .keep
///         }
///     }
/// }
/// ```
///
/// When not to use: when nothing is postponed and no timeout belongs to a state. An enum in a ``GenServer`` and a switch
/// say it in less. ``Server/execution`` is taken as `pool`.
public protocol StateMachine<State>: Server, ~Copyable {
    /// An enum. A change of it ends its state timeout and brings postponed events back.
    ///
    /// What decides which events are handled belongs here, not into the data: only a change of this is one.
    associatedtype State: Equatable & Sendable
    /// Names of generic timeouts. Default `Never`.
    associatedtype TimerName: Hashable & Sendable = Never
    associatedtype Argument = Void
    associatedtype Call = Never
    associatedtype Cast = Never
    associatedtype Message = Never

    /// The most events that may be postponed at once; one more ends the machine with
    /// ``StateMachineError/tooManyPostponed(_:)``.
    ///
    /// A constant. Default `Int.max`: as an unbounded mailbox. What is postponed takes no room in a bounded one, so a machine
    /// that has one sets this too.
    static var postponedMax: Int { get }

    /// Makes the data, in the new process; throws as in ``GenServer`` (R1, R2).
    ///
    /// - Parameter argument: what the start was given; a restart gives it again.
    /// - Throws: what fails the start.
    init(_ argument: Argument) throws
    /// The first state, read once after `init`.
    ///
    /// `enter` runs for it when the start has returned, before any event.
    var initialState: State { get }
    /// Handles an event in a state.
    ///
    /// Reply through the `From` of a call, now or from a later state: `from.reply(x, then: .next(.open))`. A throw ends the
    /// machine. A call that was postponed is handled though its caller has given up meanwhile: `From.remaining` is zero then.
    ///
    /// - Parameters:
    ///   - event: what happens.
    ///   - state: the state it happens in.
    /// - Returns: the state to be in, and what goes with it.
    /// - Throws: what ends the machine: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handle(_ event: Event, in state: State) throws -> Transition
    /// Runs when a state is entered, and when it is entered again (state enter calls). Default: nothing.
    ///
    /// It cannot change the state, and may neither postpone nor insert: that ends the machine with
    /// ``StateMachineError/badEnterAction``. Its timeouts replace those of the transition.
    ///
    /// - Parameters:
    ///   - state: the state that is entered.
    ///   - old: the one before, the same after `enterAgain`; nil at first.
    /// - Returns: timeouts to start or cancel, and whether to hibernate.
    /// - Throws: what ends the machine, in the state that it was entering.
    mutating func enter(_ state: State, from old: State?) throws -> [Action]
    /// Last words, when and as in ``GenServer`` (R11). Default: nothing.
    ///
    /// Calls that are postponed, or not answered, fail when it has run, with the reason of the end.
    ///
    /// - Parameters:
    ///   - reason: why the machine ends.
    ///   - state: the state it is in.
    /// - Throws: what becomes the reason of the exit.
    mutating func terminate(_ reason: ExitReason, in state: State) throws
}

extension StateMachine where Self: ~Copyable {
    /// What happens.
    public typealias Event = StateEvent<Self>
    /// What a handler returns.
    public typealias Transition = StateTransition<Self>
    /// What goes with a transition.
    public typealias Action = StateAction<Self>

    /// As many as come.
    @inlinable public static var postponedMax: Int { .max }
    /// Does nothing.
    @inlinable public mutating func enter(_ state: State, from old: State?) throws -> [Action] { [] }
    /// Does nothing.
    @inlinable public mutating func terminate(_ reason: ExitReason, in state: State) throws {}
    /// The engine of StateMachine.
    @inlinable
    public static func _boot(_ boot: consuming ServerBoot<Self>) { boot.serve(_StateMachineEngine<Self>.self) }
}
