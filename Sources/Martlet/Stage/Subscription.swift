// SPDX-License-Identifier: Apache-2.0
// One consumer on one producer.

internal import Synchronization

/// Names a subscription on both sides.
///
/// 40 bytes, no reference counting; one that has ended names nothing any more, and is never used again.
///
/// OTP: the `{pid, subscription_tag}` of GenStage.
public struct Subscription: Hashable, Sendable, BitwiseCopyable {
    /// Who asks for events.
    public enum Demand: Sendable {
        /// The engine, as events are handled.
        case automatic
        /// The stage, with `ask`.
        case manual
    }

    /// What the end of the producer, or of the subscription, does to the consumer.
    public enum Cancel: Sendable {
        /// It ends too, with the same reason. The default.
        case permanent
        /// It ends too if the end was abnormal.
        case transient
        /// It stays.
        case temporary
    }

    /// The producer; `Pid.none` if its name led nowhere.
    public let producer: Pid
    /// The consumer.
    public let consumer: Pid
    /// How many events may be under way: more are asked for when the lower bound is left.
    public var demand: ClosedRange<Int> { minimum...maximum }
    let id: UInt64
    private let minimum: Int
    private let maximum: Int

    private static let lastID = Atomic<UInt64>(0)

    init(_ producer: Pid, _ consumer: Pid, _ demand: ClosedRange<Int>) {
        (self.producer, self.consumer) = (producer, consumer)
        maximum = min(demand.upperBound, Self.demandMax)
        minimum = min(demand.lowerBound, maximum - 1)
        id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// More than fits into memory.
    private static var demandMax: Int { 1 << 40 }

    /// Asks for more, when the consumer's demand is `.manual` (`GenStage.ask/2`).
    ///
    /// Traps below 1.
    ///
    /// - Parameters:
    ///   - count: how many more.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public func ask(_ count: Int, file: StaticString = #fileID, line: UInt = #line) {
        precondition(count >= 1, "expected to ask for 1 event or more, got \(count)", file: file, line: line)
        // By way of the consumer, where it may not have told the producer yet of the subscription.
        let isTold =
            Pid.current == consumer
            && _RuntimeContext.of(consumer.raw)?.untoldSubscriptions.load(ordering: .acquiring) == 0
        (isTold ? producer : consumer).send(any: StageSignal.ask(id, count))
    }

    /// Ends the subscription, on either side (`GenStage.cancel/2`).
    ///
    /// The consumer still gets what was sent before; then both have `handleCancel` called, and the consumer does what its
    /// ``Cancel`` says.
    ///
    /// - Parameter reason: what both are told; normal by default.
    public func cancel(_ reason: ExitReason = .normal) { consumer.send(any: StageSignal.cancel(id, reason)) }
}

extension ServerAddress {
    /// Subscribes this consumer to a producer (`GenStage.async_subscribe/2`).
    ///
    /// At most `demand.upperBound` events under way, more are asked for when `lowerBound` are left; one callback takes at
    /// most the difference. Does not wait; a producer that ends, or is not there, is `cancel`'s matter. In the consumer's
    /// `init` it is done again by each restart.
    ///
    /// Traps when the bounds are negative or equal, and when both are one process.
    ///
    /// - Parameters:
    ///   - producer: a reference or a name, which is looked up now.
    ///   - demand: events under way; 500...1000 by default.
    ///   - cancel: what the end of the producer does to the consumer; by default it ends too.
    ///   - partition: of a partitioned producer, and only then.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - accepts: of a producer that broadcasts, which events; by default all. Runs in the producer.
    /// - Returns: the subscription.
    @discardableResult
    public func subscribe<Consumer: Stage & ~Copyable, Producer: Stage & ~Copyable>(
        to producer: some ServerAddress<ServerRef<Producer>>, demand: ClosedRange<Int> = 500...1_000,
        cancel: Subscription.Cancel = .permanent, partition: Int? = nil,
        file: StaticString = #fileID, line: UInt = #line,
        where accepts: (@Sendable (Producer.Output) -> Bool)? = nil
    ) -> Subscription where Ref == ServerRef<Consumer>, Consumer.Input == Producer.Output {
        subscribe(to: producer.ref?.pid ?? .none, demand, cancel, partition, accepts, file, line)
    }

    func subscribe<Consumer: Stage & ~Copyable>(
        to producer: Pid, _ demand: ClosedRange<Int>, _ cancel: Subscription.Cancel, _ partition: Int? = nil,
        _ accepts: (@Sendable (Consumer.Input) -> Bool)? = nil, _ file: StaticString, _ line: UInt
    ) -> Subscription where Ref == ServerRef<Consumer> {
        precondition(
            demand.lowerBound >= 0 && demand.lowerBound < demand.upperBound,
            "expected a demand from 0 or more up to something higher, got \(demand)", file: file, line: line)
        let consumer = ref?.pid ?? .none
        precondition(
            consumer != producer || consumer == .none, "expected two stages, got one that subscribes to itself",
            file: file, line: line)
        let subscription = Subscription(producer, consumer, demand)
        consumer.send(any: StageSubscribe(subscription, cancel, StageJoin(subscription, partition, accepts)))
        return subscription
    }
}
