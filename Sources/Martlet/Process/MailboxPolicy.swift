// SPDX-License-Identifier: Apache-2.0
// How much a mailbox holds, and what happens to a message that finds it full. Not whether the sender waits: that is
// the sender's choice, by `cast` or `castWaiting`.

/// The bound of a mailbox.
///
/// Only calls, casts and sends are counted. Replies, exit signals, news of monitored processes and system messages are
/// never counted, refused or dropped, so that a full process can still be inspected, suspended and stopped.
///
/// Who waits for room is decided by the sender: `cast` and `send` never wait and return a ``SendOutcome``,
/// `castWaiting` waits in line for room, within its timeout. Every message refused or dropped is counted exactly and
/// shows up as a ``DeadLetter``.
///
/// OTP has no counterpart; there every mailbox is unbounded.
///
/// ```swift
/// static let mailbox = MailboxPolicy.bounded(10_000, whenFull: .reject)
/// ```
public struct MailboxPolicy: Sendable, BitwiseCopyable {
    /// What a full mailbox does with one more message, decided at the moment of sending.
    public enum Overflow: Sendable, BitwiseCopyable {
        /// Refuses it. A cast or send returns `SendOutcome.full`; a call fails at once with `overloaded`.
        case reject
        /// Drops it. A cast or send returns `SendOutcome.full`; a call waits for room within its timeout.
        case dropNewest
        /// Takes it, and drops the oldest cast or send in the mailbox; the sender is told
        /// `SendOutcome.displacedOldest`. Calls are never dropped, and a call to a mailbox full of calls waits for room
        /// within its timeout. Receiving costs a lock with this choice only.
        case dropOldest
    }

    /// The high-water mark of `unbounded` unless another is given: 100,000 messages are some 10 MB of nodes, more than
    /// a server that keeps up ever has.
    @usableFromInline static let _defaultHighWater = 100_000

    /// In messages: the capacity if there is an overflow rule, else the high-water mark.
    @usableFromInline let _limit: Int
    /// nil for a mailbox without a bound, which nothing overflows.
    @usableFromInline let _overflow: Overflow?

    @usableFromInline
    init(_limit: Int, overflow: Overflow?) {
        self._limit = _limit
        self._overflow = overflow
    }

    /// The greatest number of messages; nil without a bound.
    var capacity: Int? { _overflow == nil ? nil : _limit }

    /// The number of messages at which a warning is logged; nil for a bounded mailbox, which reports by its outcomes.
    var highWater: Int? { _overflow == nil ? _limit : nil }

    /// No bound on the number of messages; a warning is logged when it first reaches a mark.
    ///
    /// Every message to a live process is taken, until memory ends. Traps on a mark below 1, naming the caller's file
    /// and line in a debug build.
    ///
    /// - Parameters:
    ///   - highWater: the mark, in messages; 100,000 by default. `.max` never warns.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the policy.
    public static func unbounded(
        highWater: Int = _defaultHighWater, file: StaticString = #fileID, line: UInt = #line
    ) -> MailboxPolicy {
        precondition(
            highWater >= 1, "expected a high-water mark of at least 1, got \(highWater)", file: file, line: line)
        return MailboxPolicy(_limit: highWater, overflow: nil)
    }

    /// No bound, and a warning at 100,000 messages: what a process has unless it says otherwise.
    public static var unbounded: MailboxPolicy { MailboxPolicy(_limit: _defaultHighWater, overflow: nil) }

    /// Room for a number of messages, and a rule for those that come when it is used up.
    ///
    /// Memory stays flat under any flood of casts and sends: at most `capacity` messages are queued, and those in the
    /// hands of senders at that moment. Traps on a capacity below 1, naming the caller's file and line in a debug
    /// build.
    ///
    /// - Parameters:
    ///   - capacity: the greatest number of messages queued, at least 1.
    ///   - overflow: what becomes of a message that finds the mailbox full.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the policy.
    public static func bounded(
        _ capacity: Int, whenFull overflow: Overflow, file: StaticString = #fileID, line: UInt = #line
    ) -> MailboxPolicy {
        precondition(capacity >= 1, "expected a capacity of at least 1, got \(capacity)", file: file, line: line)
        return MailboxPolicy(_limit: capacity, overflow: overflow)
    }
}
