// SPDX-License-Identifier: Apache-2.0
// What can be seen of a process from outside, as a value. Not called `ProcessInfo`: Foundation owns that name.

/// A snapshot of one process.
///
/// It is taken without stopping the process and without asking it, so it also works on one that is stuck; the fields
/// are read one after the other and may differ by a moment. It holds names, types and numbers, never messages or state.
///
/// OTP: `erlang:process_info/2`.
public struct ProcessStatus: Sendable {
    /// What a process was doing when it was looked at.
    public enum Activity: Sendable {
        /// Its mailbox was empty.
        case waiting
        /// It had messages and waited for a worker.
        case runnable
        /// It was in the handler of a message of that type, since that long.
        case running(String, Duration)
        /// It waited in a call to that process.
        case calling(Pid)
        /// It was suspended by `sys`: it took system messages only.
        case suspended
        /// It had given its memory back and waited for a message.
        case hibernating
    }

    /// The process.
    public let pid: Pid
    /// The name of its server type; of a raw process, that of its message type.
    public let type: String
    /// A label for humans; nil if none was set.
    public let label: String?
    /// The name it is registered under in its runtime; nil if it has none.
    public let name: String?
    /// What it was doing.
    public let activity: Activity
    /// How many messages were queued; without a bound on the mailbox an estimate.
    public let mailboxCount: Int
    /// How long the oldest of them had waited, to the tick of the runtime's clock; nil if none was queued.
    public let mailboxAge: Duration?
    /// The processes it is linked with.
    public let links: [Pid]
    /// The processes that monitor it, once for each monitor.
    public let monitoredBy: [Pid]
    /// How many messages it has handled since its start.
    public let handled: UInt64
    /// Its size in bytes: control block, state and queued messages, without what they point to.
    public let memory: Int
    /// Who started it: parent, parent's parent and so on (`$ancestors`).
    ///
    /// Some may have ended since.
    public let ancestors: [Pid]
}
