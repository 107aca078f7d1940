// SPDX-License-Identifier: Apache-2.0
// What a process shows to everybody while it lives, found by its pid. For what is looked up seldom: a lock a look.

/// Values by process, in shards so that looks for different processes do not meet.
final class PidTable<Value: Sendable>: Sendable {
    /// A power of two; more than the threads that look at once on common machines.
    private static var shardCount: Int { 16 }

    private let shards = (0..<PidTable.shardCount).map { _ in _Locked<[Pid: Value]>([:]) }

    private func shard(of pid: Pid) -> _Locked<[Pid: Value]> {
        shards[Int(truncatingIfNeeded: pid.raw & UInt64(Self.shardCount - 1))]
    }

    /// Nil takes it away.
    subscript(_ pid: Pid) -> Value? {
        get { shard(of: pid).withLock { $0[pid] } }
        set { shard(of: pid).withLock { $0[pid] = newValue } }
    }
}
