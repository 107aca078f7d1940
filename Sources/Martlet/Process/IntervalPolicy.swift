// SPDX-License-Identifier: Apache-2.0
// How a repeated timer keeps time. Not the interval itself.

/// What the interval of a repeated timer is counted from.
///
/// With both, a message is never early (R22), and at most one message of the timer waits in the mailbox.
///
/// OTP: `fixedRate` is what `timer:send_interval/3` does; `fixedDelay` is `erlang:send_after/3` armed again by
/// each handler.
public enum IntervalPolicy: Sendable {
    /// From one due time to the next: the rate is kept, however late the handlers are. Due times that pass while a
    /// message still waits are merged into it, so that a slow server is not flooded.
    case fixedRate
    /// From the handling of one message to the next due time: there is always that much time between two, and the rate
    /// drifts by the time that handling takes.
    case fixedDelay
}
