// SPDX-License-Identifier: Apache-2.0
// What became of a message at the moment of sending. Not whether it was handled: only a reply tells that.

/// The result of `cast` and `send`, neither of which waits or fails.
///
/// It may be ignored: each lost message is counted and shows up as a ``DeadLetter`` in any case, with
/// `displacedOldest` the one that made room. A message that was queued can still be lost, with a receiver that ends
/// before it comes to it; a call, or a monitor, tells of that.
///
/// OTP: there a cast or send always says `ok` (R6).
public enum SendOutcome: Sendable, BitwiseCopyable {
    /// It is in the mailbox, behind all that this sender sent before. It is not yet handled.
    case queued
    /// It is in the mailbox, which was full: the oldest cast or send was dropped for it (`.dropOldest`).
    case displacedOldest
    /// It is lost, as the mailbox is full: refused (`.reject`) or dropped (`.dropNewest`), and under `.dropOldest` when
    /// it found nothing that may be dropped.
    case full
    /// It is lost, as there is no such process, or the process has begun to end.
    case noProcess
}

extension SendOutcome {
    /// Whether it is in the mailbox.
    @inlinable var isInMailbox: Bool {
        switch self {
        case .queued, .displacedOldest: true
        case .full, .noProcess: false
        }
    }
}
