// SPDX-License-Identifier: Apache-2.0
// Where a stage puts its events during a callback.

/// Lent to each callback of a stage; what is emitted goes out when the callback returns.
///
/// OTP: the events in the return value of a GenStage callback.
public struct Emitter<Output: Sendable>: ~Copyable {
    @usableFromInline var events: [Output] = []
    /// What consumers wanted when the callback began; negative: more is kept than they want.
    @usableFromInline var wanted = 0
    /// Set by a stage that will not emit what it was asked for: then it is asked again.
    var owesNothing = false

    init() {}

    /// Emits one event.
    ///
    /// - Parameter event: goes out behind those emitted before.
    /// - Complexity: amortised O(1); events travel together, one message a batch and consumer.
    @inlinable
    public mutating func emit(_ event: consuming Output) { events.append(event) }

    /// Emits events in order.
    ///
    /// - Parameter events: they must end.
    @inlinable
    public mutating func emit(contentsOf events: some Sequence<Output>) { self.events.append(contentsOf: events) }

    /// What consumers still want; emitting more is buffered.
    ///
    /// With the dispatcher `.broadcast`, what the slowest wants.
    @inlinable public var demand: Int { max(0, wanted - events.count) }

    /// Whether something was kept when the callback began.
    var isKept: Bool { wanted < 0 }

    /// Takes what was emitted.
    mutating func take() -> [Output] {
        let taken = events
        events = []
        return taken
    }
}
