// SPDX-License-Identifier: Apache-2.0
// One armed timer.

/// Names a timer: armed by `sendAfter` or `sendInterval`, it dies with the process whose handler armed it.
///
/// Times are monotonic and never early (R22). 8 bytes, no reference counting; stale ones are harmless.
///
/// OTP: the reference of `erlang:send_after/3`.
public struct TimerRef: Hashable, Sendable, BitwiseCopyable {
    /// The core's reference; 0 never fires.
    @usableFromInline let raw: UInt64

    @inlinable
    init(raw: UInt64) { self.raw = raw }

    /// Stops the timer (`Process.cancel_timer`).
    ///
    /// - Returns: what was left, exact: after a value the message is not delivered; nil if it had fired, and then its
    ///   message may already be in the mailbox.
    /// - Complexity: O(1), a mutex of one of several shards.
    @discardableResult
    public func cancel() -> Duration? { _Timers.cancel(raw).map { .nanoseconds(Int64(clamping: $0)) } }

    /// What is left; nil if it fired or was cancelled (`Process.read_timer`).
    public var remaining: Duration? { _Timers.remaining(raw).map { .nanoseconds(Int64(clamping: $0)) } }
}
