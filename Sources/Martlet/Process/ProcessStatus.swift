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
        /// In a run queue, or between two handlers.
        case runnable
        /// In a handler for a message of that type since that long.
        ///
        /// Counted from the start of the worker's turn, which is up to a millisecond before the handler's. Zero where it is
        /// not known: a handler that runs on its caller's thread. In place of a message type: `init`, `continue`,
        /// `timeout`, `terminate`, `hibernate`, and `code` for the body of a raw process.
        case running(String, Duration)
        /// In a call to that process.
        case calling(Pid)
        /// Suspended by `sys`.
        case suspended
        /// Its mailbox is empty, and it gave memory back (R9).
        case hibernating
    }

    /// The process.
    public let pid: Pid
    /// Its server type, or the raw process's message type.
    public let type: String
    /// For humans; set with ``Pid/setLabel(_:file:line:)`` or at its start.
    public let label: String?
    /// Its registered name; nil if it has none.
    public let name: String?
    /// What it was doing.
    public let activity: Activity
    /// Messages queued.
    ///
    /// Exact for a bounded mailbox. An unbounded one keeps no count: it is at least this many, as seen when a turn of the
    /// process last ended with messages left; a handler that is stuck shows as its running time.
    public let mailboxCount: Int
    /// How long the oldest of them waits, to some 10 ms; nil if none waited when a turn of the process last ended.
    public let mailboxAge: Duration?
    /// Linked processes.
    public let links: [Pid]
    /// Processes that monitor it.
    public let monitoredBy: [Pid]
    /// Messages handled, as counted when a turn of the process last ended.
    public let handled: UInt64
    /// Bytes of its control block, state and queued messages; what they point to is not counted.
    ///
    /// An estimate: of the messages it knows the number and the size of the largest type.
    public let memory: Int
    /// Who started it, nearest first (`$ancestors`); behind one that has ended the chain is not known.
    public let ancestors: [Pid]
}

extension Pid {
    /// A snapshot, nil if the process has ended.
    ///
    /// - Complexity: O(1); lock-free but for a label and for a handler that has kept its worker for long.
    public var status: ProcessStatus? { ProcessStatus(of: self) }
}

extension ProcessStatus {
    init?(of pid: Pid) {
        guard let snapshot = _Snapshot(of: pid.raw) else { return nil }
        self.init(
            pid: pid, type: snapshot.type, label: snapshot.label, name: snapshot.name,
            activity: Activity(snapshot), mailboxCount: snapshot.length,
            mailboxAge: snapshot.age.map { .milliseconds($0) }, links: _Tie.links(of: pid.raw).map { Pid(raw: $0) },
            monitoredBy: _Tie.watchers(of: pid.raw).map { Pid(raw: $0) },
            handled: snapshot.handled, memory: snapshot.bytes,
            ancestors: _Snapshot.ancestors(of: pid.raw, first: snapshot.parent).map { Pid(raw: $0) })
    }
}

extension ProcessStatus.Activity {
    init(_ snapshot: _Snapshot) {
        if snapshot.calling != 0 {
            self = .calling(Pid(raw: snapshot.calling))
        } else if let doing = snapshot.doing {
            self = .running(doing, .nanoseconds(Int64(clamping: snapshot.runningNanoseconds)))
        } else if snapshot.isHibernating {
            self = .hibernating
        } else if snapshot.isSuspended {
            self = .suspended
        } else {
            self = snapshot.isQueued ? .runnable : .waiting
        }
    }
}
