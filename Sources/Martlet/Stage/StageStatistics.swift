// SPDX-License-Identifier: Apache-2.0
// What passed through a stage, and what did not.

internal import Synchronization

/// Events of one stage since its start.
///
/// `emitted` = `delivered` + `buffered` + `dropped`, but for events that a broadcast delivers to several, or to nobody.
/// Taken piece by piece while the stage runs.
public struct StageStatistics: Sendable, Hashable {
    /// Emitted by its callbacks.
    public let emitted: Int
    /// Sent to consumers; of a broadcast each copy counts.
    public let delivered: Int
    /// Kept until somebody asks.
    public let buffered: Int
    /// Dropped because the buffer was full.
    public let dropped: Int
    /// Sent to consumers that ended before they had handled them, or failed in the middle of them.
    public let lost: Int
    /// Handled by its own callbacks.
    public let handled: Int
}

extension ServerAddress {
    /// What passed through this stage; nil if it is not there.
    ///
    /// Asks nobody.
    ///
    /// - Complexity: O(1).
    public func stageStatistics<S: Stage & ~Copyable>() -> StageStatistics? where Ref == ServerRef<S> {
        ref.flatMap { StageCounters.all[$0.pid]?.statistics }
    }
}

/// Counts for one stage, written by it and by those that lose its events.
///
/// All relaxed: no order with anything.
final class StageCounters: Sendable {
    static let all = PidTable<StageCounters>()

    let emitted = Atomic(0)
    let delivered = Atomic(0)
    let buffered = Atomic(0)
    let dropped = Atomic(0)
    let lost = Atomic(0)
    let handled = Atomic(0)

    var statistics: StageStatistics {
        StageStatistics(
            emitted: emitted.load(ordering: .relaxed), delivered: delivered.load(ordering: .relaxed),
            buffered: buffered.load(ordering: .relaxed), dropped: dropped.load(ordering: .relaxed),
            lost: lost.load(ordering: .relaxed), handled: handled.load(ordering: .relaxed))
    }
}
