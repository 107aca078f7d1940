// SPDX-License-Identifier: Apache-2.0
// Many replies to come.

/// Many replies to come, taken in the order they arrive.
///
/// Copies share the requests; when the last one goes away, those not taken are abandoned.
///
/// OTP: the request id collections of `gen_server` (`reqids_*`).
///
/// ```swift
/// var offers = PendingReplies<Shop.Ref, Price>()
/// for shop in shops { offers.insert(shop.request { .offer(item, $0) }, label: shop) }
/// while let (shop, offer) = await offers.next(timeout: .seconds(1), abandoningRest: true) {
///     if let price = try? offer.get() { best = min(best, price) }
/// }
/// ```
public struct PendingReplies<Label: Sendable, Reply: Sendable>: Sendable {
    private let gathering = _Gathering<Label>()

    /// An empty collection.
    public init() {}

    /// Adds one, which is the collection's to take from now on.
    ///
    /// Traps if it was taken before, or is being waited for. One that is over is the next to arrive.
    ///
    /// - Parameters:
    ///   - pending: the reply to come.
    ///   - label: what `next` returns with it.
    /// - Complexity: O(1), amortised.
    public mutating func insert(_ pending: PendingReply<Reply>, label: Label) {
        switch pending.hold() {
        case .over(let outcome): gathering.add(outcome, label)
        case .call:
            if gathering.add(pending.raw, label) { return }
            _Request.putBack(pending.raw)
            pending.abandon()
            gathering.add(.overloaded, label)
        }
    }

    /// How many have not been taken.
    public var count: Int { gathering.count }

    /// The next to arrive.
    ///
    /// Waits without looking again and again: the reply that comes first wakes it. Cancelling the task ends the wait, with
    /// nil; the requests stay. Traps when two tasks wait in one collection.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait; nil, the default, as long as the requests take. In a handler at most the time that
    ///     its own request has left. For an absolute deadline over several calls pass what is left of it.
    ///   - abandoningRest: whether a timeout gives up what has not arrived; false by default.
    /// - Returns: its label, and its reply or why there is none; nil when none is left, or none arrived in time.
    /// - Complexity: O(1), amortised.
    public nonisolated(nonsending) mutating func next(
        timeout: Duration? = nil, abandoningRest: Bool = false
    ) async -> (label: Label, reply: Result<Reply, CallError>)? {
        var waiting: _Call?
        while true {
            if let arrival = gathering.next() { return result(of: arrival) }
            if gathering.count == 0 { return nil }
            let call = waiting.map { $0.sibling() } ?? _Call.waiting(timeout?._unsignedNanoseconds ?? .max)
            guard let call else { return nil }
            waiting = call
            let outcome = await gathering.wait(call)
            if case .granted = outcome { continue }
            if let arrival = gathering.next() { return result(of: arrival) }
            if case .timeout = outcome, abandoningRest { gathering.abandonAll() }
            return nil
        }
    }

    private func result(of arrival: _Gathering<Label>.Arrival) -> (label: Label, reply: Result<Reply, CallError>) {
        guard let request = arrival.request else {
            let outcome = arrival.failure ?? .cancelled
            return (arrival.label, .failure(_CallFailure.error(outcome, 0, type: Reply.self)))
        }
        return (arrival.label, PendingReply<Reply>(raw: request).finish(_Request.call(of: request)))
    }
}
