// SPDX-License-Identifier: Apache-2.0
// How a task can fail, as whoever waits for it sees it.

/// Why there is no value.
///
/// New cases may be added: a `switch` needs a default.
///
/// OTP: what `Task.await/2` exits with, and the `{:exit, reason}` of `Task.yield/2`.
@nonexhaustive
public enum TaskError: Error, Sendable {
    /// Not in time; the work goes on.
    case timeout
    /// The work ended with this reason; `.error` is what it threw. `.noProcess`: why is not known any more.
    case exited(ExitReason)
    /// Only the process that started it may take the value.
    case notOwner
    /// The waiting Swift task was cancelled.
    case cancelled
    /// The work waits for who would wait for it: each of these processes for the next, the last for the first.
    case cycle([Pid])
    /// It would have blocked a thread of Swift's cooperative pool; use `await`.
    case wouldBlockPool
}
