// SPDX-License-Identifier: Apache-2.0
// The timeouts of a machine: which run, and which are due before anything else comes. A table, not a clock: the engine
// arms timers and tells which have fired.
//
// A timer that was cancelled may have fired: its message is on its way. So each timeout has a number, and a message whose
// number is not that of the running timeout of its kind says nothing.

/// The message of a timer.
@usableFromInline
struct _StateTimeout<Name: Hashable & Sendable>: Sendable, Equatable {
    @usableFromInline
    enum Kind: Hashable, Sendable { case state, event, named(Name) }

    @usableFromInline let kind: Kind
    @usableFromInline let number: UInt64

    @inlinable
    init(kind: Kind, number: UInt64) {
        self.kind = kind
        self.number = number
    }
}

@usableFromInline
struct _StateTimeouts<Name: Hashable & Sendable> {
    @usableFromInline typealias Timeout = _StateTimeout<Name>

    /// What the engine does.
    @usableFromInline
    enum Effect {
        case start(Timeout, Duration)
        case cancel(TimerRef)
    }

    @usableFromInline
    struct Running {
        @usableFromInline let number: UInt64
        /// Nil: not started yet, or due at once.
        @usableFromInline var timer: TimerRef?

        @inlinable
        init(number: UInt64) { self.number = number }
    }

    // Not one table of all: those that most machines have need no hashing.
    @usableFromInline var state: Running?
    @usableFromInline var event: Running?
    @usableFromInline var named: [Name: Running] = [:]
    /// Of zero, in the order in which they were set.
    @usableFromInline var due: [Timeout.Kind] = []
    /// Of the last one that was set.
    @usableFromInline var number: UInt64 = 0

    @inlinable
    init() {}

    /// Whether none runs.
    @inlinable var isEmpty: Bool { state == nil && event == nil && named.isEmpty }

    @inlinable subscript(kind: Timeout.Kind) -> Running? {
        get {
            switch kind {
            case .state: state
            case .event: event
            case .named(let name): named[name]
            }
        }
        set {
            switch kind {
            case .state: state = newValue
            case .event: event = newValue
            case .named(let name): named[name] = newValue
            }
        }
    }

    /// Ends a timeout, if it runs.
    @inlinable
    mutating func cancel(_ kind: Timeout.Kind, _ effects: inout [Effect]) {
        guard let old = self[kind] else { return }
        self[kind] = nil
        if let timer = old.timer { return effects.append(.cancel(timer)) }
        due.removeAll { $0 == kind }
        effects.removeAll { effect in
            if case .start(let timeout, _) = effect { timeout.number == old.number } else { false }
        }
    }

    /// Starts a timeout anew; nil ends it.
    @inlinable
    mutating func set(_ kind: Timeout.Kind, after delay: Duration?, _ effects: inout [Effect]) {
        cancel(kind, &effects)
        guard let delay else { return }
        number += 1
        self[kind] = Running(number: number)
        if delay > .zero {
            effects.append(.start(Timeout(kind: kind, number: number), delay))
        } else {
            due.append(kind)
        }
    }

    /// Its timer runs.
    @inlinable
    mutating func started(_ timeout: Timeout, _ timer: TimerRef) { self[timeout.kind]?.timer = timer }

    /// Its timer fired; false: it was cancelled or set anew before.
    @inlinable
    mutating func fired(_ timeout: Timeout) -> Bool {
        guard self[timeout.kind]?.number == timeout.number else { return false }
        self[timeout.kind] = nil
        return true
    }

    /// The next that is due at once; it is spent then.
    @inlinable
    mutating func takeDue() -> Timeout.Kind? {
        if due.isEmpty { return nil }
        let kind = due.removeFirst()
        self[kind] = nil
        return kind
    }
}
