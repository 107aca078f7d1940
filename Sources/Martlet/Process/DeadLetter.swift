// SPDX-License-Identifier: Apache-2.0
// The notice of a message that was not delivered. It names types and never carries the message, which may hold a user's
// data.

/// One message that was not delivered.
///
/// A notice, made at the moment the message is destroyed, by whichever thread does it. Notices may be lost when their
/// reader is slow; the counts by cause are exact.
///
/// OTP has no counterpart: there such messages vanish.
public struct DeadLetter: Sendable {
    /// Why a message was not delivered.
    public enum Cause: Sendable, Hashable, CaseIterable {
        /// The receiver had ended, or never was.
        case noProcess
        /// The mailbox was full, or the message was dropped from it in favour of a newer one.
        case full
        /// It was still queued when the receiver ended.
        case receiverEnded
        /// The deadline of the call had passed before a handler came to it: nobody waits for the reply any more.
        case expired
        /// A reply that nobody waits for any more (R4).
        case lateReply
    }

    /// The process it was meant for; ``Pid/none`` for a late reply.
    public let to: Pid
    /// The process that sent it; nil if it was sent from outside of processes.
    public let from: Pid?
    /// The name of the message's type.
    public let type: String
    /// Why it was not delivered.
    public let cause: Cause
}
