// SPDX-License-Identifier: Apache-2.0
// How a subscription, or a producer's own dispatcher, can be wrong.

/// Why a subscription or a start was refused, or a producer ended.
///
/// A refused subscription ends with it, see ``Subscription/Cancel``. New cases may be added: a `switch` needs a default.
@nonexhaustive
public enum StageError: Error, Sendable {
    /// The producer is partitioned and has no such partition; nil: none was named.
    case noPartition(Int?)
    /// Another consumer has the partition.
    case partitionTaken(Int)
    /// A partition, or a filter, for a producer that shares its events otherwise.
    case notSupported
    /// The stage was to be started with a bounded mailbox, which would refuse demand and events; demand is the bound.
    case boundedMailbox
}

extension StageError: ToldError, CustomStringConvertible {
    /// The refusal in words, for logs.
    public var description: String {
        switch self {
        case .noPartition(let partition?): "expected a partition of the producer, got \(partition)"
        case .noPartition(nil): "expected a partition, as the producer is partitioned, got none"
        case .partitionTaken(let partition): "expected a partition without a consumer, got \(partition)"
        case .notSupported:
            "expected a subscription without partition and filter, got one that the dispatcher has no use for"
        case .boundedMailbox: "expected an unbounded mailbox, as demand bounds it, got one with a bound"
        }
    }
}
