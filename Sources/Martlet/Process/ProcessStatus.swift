// SPDX-License-Identifier: Apache-2.0
// What can be seen of a process from outside. Not `ProcessInfo`: Foundation owns that name.

/// A snapshot of one process (`Process.info`).
///
/// Taken without stopping it: the parts may be from slightly different moments.
public struct ProcessStatus: Sendable {
    /// What a process was doing.
    ///
    /// New cases may be added: a `switch` needs a default.
    @nonexhaustive
    public enum Activity: Sendable {
        /// Its mailbox is empty.
        case waiting
        /// It runs, or is in a run queue.
        case runnable
        /// Its mailbox is empty, and it gave memory back (R9).
        case hibernating
    }

    /// The process.
    public let pid: Pid
    /// Its server type, or the raw process's message type.
    public let type: String
    /// Its registered name; nil if it has none.
    public let name: String?
    /// What it was doing.
    public let activity: Activity
    /// Messages queued, for a bounded mailbox; nil for an unbounded one, which keeps no count.
    public let mailboxCount: Int?
    /// Who started it; nil if no process did.
    public let parent: Pid?
}

extension Pid {
    /// A snapshot, nil if the process has ended.
    ///
    /// - Complexity: O(1), lock-free.
    public var status: ProcessStatus? {
        guard let snapshot = _Snapshot(of: raw) else { return nil }
        return ProcessStatus(
            pid: self, type: snapshot.type, name: snapshot.name,
            activity: snapshot.isHibernating ? .hibernating : snapshot.isQueued ? .runnable : .waiting,
            mailboxCount: snapshot.length, parent: snapshot.parent == 0 ? nil : Pid(raw: snapshot.parent))
    }
}
