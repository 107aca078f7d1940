// SPDX-License-Identifier: Apache-2.0
// What stages say to each other, as untyped messages: the typed ones are the user's.
//
//      consumer --StageJoin, ask n--> producer --StageBatch--> consumer --ask n--> ...
//               <-------------------- ended ------------------  (or the end of the process)
//      anybody  --StageSubscribe, cancel--> consumer

internal import Synchronization

/// What is said often, or needs no type; it fits into an existential.
enum StageSignal: Sendable {
    /// To the producer, from elsewhere by way of the consumer: so many more.
    case ask(UInt64, Int)
    /// To the consumer, and from it to the producer: end the subscription.
    case cancel(UInt64, ExitReason)
    /// To the consumer: it has ended.
    case ended(UInt64, ExitReason)
    /// To itself: there may be more to do.
    case goOn
}

/// To the consumer: subscribe.
final class StageSubscribe<Event: Sendable>: Sendable {
    let subscription: Subscription
    let cancel: Subscription.Cancel
    let join: StageJoin<Event>
    private let context: _RuntimeContext?

    init(_ subscription: Subscription, _ cancel: Subscription.Cancel, _ join: StageJoin<Event>) {
        (self.subscription, self.cancel, self.join) = (subscription, cancel, join)
        context = _RuntimeContext.of(subscription.consumer.raw)
        context?.untoldSubscriptions.add(1, ordering: .relaxed)
    }

    // releasing: who sees the count without it sees what its consumer sent before.
    deinit { context?.untoldSubscriptions.subtract(1, ordering: .releasing) }
}

/// To the producer: here is a consumer.
final class StageJoin<Event: Sendable>: Sendable {
    let subscription: Subscription
    let partition: Int?
    let accepts: (@Sendable (Event) -> Bool)?

    init(_ subscription: Subscription, _ partition: Int?, _ accepts: (@Sendable (Event) -> Bool)?) {
        (self.subscription, self.partition, self.accepts) = (subscription, partition, accepts)
    }
}

/// Events on their way; those that nobody handles are counted when it goes away, wherever that is.
final class StageBatch<Event: Sendable>: @unchecked Sendable {  // one process has it at a time
    let id: UInt64
    let events: [Event]
    /// How many were handled; the consumer's.
    private(set) var handled = 0
    private let counters: StageCounters

    init(_ id: UInt64, _ events: [Event], _ counters: StageCounters) {
        (self.id, self.events, self.counters) = (id, events, counters)
    }

    deinit {
        if handled < events.count { counters.lost.wrappingAdd(events.count - handled, ordering: .relaxed) }
    }

    var left: Int { events.count - handled }

    /// The next ones, without a copy if that is all.
    func next(_ count: Int) -> [Event] {
        count == events.count ? events : Array(events[handled..<handled + count])
    }

    func wereHandled(_ count: Int) { handled += count }
}
