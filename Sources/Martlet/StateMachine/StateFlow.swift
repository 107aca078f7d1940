// SPDX-License-Identifier: Apache-2.0
// What a machine is to do, decided without doing it: its state, the events that wait, its timeouts. The engine calls the
// machine and performs what is said here; a test needs neither process nor clock.
//
//     mailbox --> event --> handle --> [ enter ] --> settle --+--> effects: timers
//                   ^                                         |
//                   |                 ahead  <-- inserted ----+
//                   +---- next() <--- ahead  <-- postponed, when the state changes
//                                     due    <-- timeouts of zero
//
// `ahead` is kept with the next event last, so that inserting in front and taking are both at the end of the array.

@usableFromInline
struct _StateFlow<M: StateMachine & ~Copyable> {
    @usableFromInline typealias Event = StateEvent<M>
    @usableFromInline typealias Timeouts = _StateTimeouts<M.TimerName>

    @usableFromInline var state: M.State
    /// To be handled before the mailbox; the last first.
    @usableFromInline var ahead: [Event] = []
    /// Put aside until the state changes, oldest first.
    @usableFromInline var postponed: [Event] = []
    @usableFromInline var timeouts = Timeouts()
    /// Whether the last transition asked for it.
    @usableFromInline var hibernates = false

    @inlinable
    init(_ state: M.State) { self.state = state }

    // MARK: Events

    /// Nothing waits, nothing runs: a transition without actions settles by itself.
    @inlinable var isQuiet: Bool { ahead.isEmpty && postponed.isEmpty && timeouts.isEmpty && !hibernates }

    /// The next event that does not come from the mailbox; nil: there is none.
    @inlinable
    mutating func next() -> Event? { ahead.popLast() ?? timeouts.takeDue().map(Self.event) }

    /// A timer fired; nil: its timeout was cancelled, or set anew.
    @inlinable
    mutating func fired(_ timeout: Timeouts.Timeout) -> Event? {
        timeouts.fired(timeout) ? Self.event(timeout.kind) : nil
    }

    @inlinable
    static func event(_ kind: Timeouts.Timeout.Kind) -> Event {
        switch kind {
        case .state: .stateTimeout
        case .event: .eventTimeout
        case .named(let name): .timeout(name)
        }
    }

    /// What the process does now.
    @inlinable var outcome: Next {
        if !ahead.isEmpty || !timeouts.due.isEmpty { return .continue }
        return hibernates ? .hibernate : .wait
    }

    // MARK: Transitions

    /// The rest of a transition, after `enter`: what becomes of the event, what waits, which timers to arm.
    ///
    /// - Parameters:
    ///   - event: what was handled; nil when the first state is entered.
    ///   - hasChanged: whether the state is another than before.
    ///   - actions: those of the handler.
    ///   - entry: those of `enter`.
    /// - Returns: what to do with timers, in this order.
    @inlinable
    mutating func settle(
        _ event: Event?, hasChanged: Bool, _ actions: [StateAction<M>], _ entry: [StateAction<M>]
    ) throws(StateMachineError) -> [Timeouts.Effect] {
        var effects: [Timeouts.Effect] = []
        timeouts.cancel(.event, &effects)
        if hasChanged { timeouts.cancel(.state, &effects) }
        hibernates = false
        var isPostponed = false
        var inserted: [Event] = []
        func take(_ action: StateAction<M>, isOfEnter: Bool) throws(StateMachineError) {
            switch action {
            case .postpone where !isOfEnter: isPostponed = true
            case .insert(let event) where !isOfEnter: inserted.append(event)
            case .postpone, .insert: throw .badEnterAction
            case .hibernate: hibernates = true
            case .stateTimeout(let delay): timeouts.set(.state, after: delay, &effects)
            case .eventTimeout(let delay): timeouts.set(.event, after: delay, &effects)
            case .timeout(let name, let delay): timeouts.set(.named(name), after: delay, &effects)
            }
        }
        for action in actions { try take(action, isOfEnter: false) }
        for action in entry { try take(action, isOfEnter: true) }
        if isPostponed, let event { postponed.append(event) }
        if !hasChanged, postponed.count > M.postponedMax { throw .tooManyPostponed(M.postponedMax) }
        if hasChanged, !postponed.isEmpty {
            ahead.append(contentsOf: postponed.reversed())
            postponed.removeAll()
        }
        if !inserted.isEmpty { ahead.append(contentsOf: inserted.reversed()) }
        return effects
    }
}
