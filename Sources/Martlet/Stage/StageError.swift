// SPDX-License-Identifier: Apache-2.0
// How a subscription, or a producer's own dispatcher, can be wrong.

/// Why a subscription was refused, or a producer ended.
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
    /// The stage subscribed to itself.
    case ownProducer
}
