// SPDX-License-Identifier: Apache-2.0
// How a producer shares its events, as a stage declares it. How it is done: Outflow.

/// Shares the events of one producer among its consumers.
///
/// Whatever the kind: a consumer gets no more than it asked for, each subscription its events in the order of emission.
///
/// OTP: `GenStage.DemandDispatcher`, `BroadcastDispatcher`, `PartitionDispatcher`.
public struct Dispatcher<Output: Sendable>: Sendable {
    enum Kind { case demand, broadcast, partition(Int, @Sendable (Output) -> Int) }
    let kind: Kind

    /// Each event to one consumer, the one that wants most.
    public static var demand: Self { Self(kind: .demand) }

    /// Each event to all, at the pace of the slowest; a subscription may filter.
    ///
    /// Who subscribes later gets what is kept then, and what is emitted from then on. An event that a filter refuses costs
    /// its consumer no demand.
    public static var broadcast: Self { Self(kind: .broadcast) }

    /// Each event to the consumer of the partition `index` says; a consumer subscribes to one partition, and each has one.
    ///
    /// Events of a partition that nobody reads, or reads slowly, are kept in a buffer of its own. The producer is asked for no
    /// more than all partitions together want, less what is kept, so that the slowest sets the pace: once as much is kept for
    /// one as the others want, they wait for its consumer. Traps when `count` is below 1.
    ///
    /// - Parameters:
    ///   - count: partitions.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - index: the partition of an event, in 0..<count; anything else ends the producer with ``StageError``.
    public static func partition(
        _ count: Int, file: StaticString = #fileID, line: UInt = #line, by index: @escaping @Sendable (Output) -> Int
    ) -> Self {
        precondition(count >= 1, "expected 1 partition or more, got \(count)", file: file, line: line)
        return Self(kind: .partition(count, index))
    }
}

/// What a producer keeps while nobody asks.
///
/// OTP: the options `buffer_size` and `buffer_keep`.
public struct StageBuffer: Sendable {
    /// Events kept; of a partitioned producer in each partition.
    ///
    /// Traps when it is set to less than 0.
    public var capacity: Int {
        didSet { precondition(capacity >= 0, "expected a capacity of 0 or more, got \(capacity)") }
    }
    /// Over it, the newest are kept, or the oldest.
    public var keepsNewest: Bool

    /// Makes a buffer; by default the newest 10,000.
    ///
    /// What goes beyond is dropped, counted (``StageStatistics/dropped``) and logged. Traps when the capacity is negative.
    ///
    /// - Parameters:
    ///   - capacity: events kept.
    ///   - keepsNewest: whether the newest are kept, or the oldest.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public init(
        capacity: Int = 10_000, keepsNewest: Bool = true, file: StaticString = #fileID, line: UInt = #line
    ) {
        precondition(capacity >= 0, "expected a capacity of 0 or more, got \(capacity)", file: file, line: line)
        (self.capacity, self.keepsNewest) = (capacity, keepsNewest)
    }
}
