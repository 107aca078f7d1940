// SPDX-License-Identifier: Apache-2.0
// Where a server's handlers run. Not when: in all cases one at a time, in the order of arrival.

/// The threads that a server's handlers run on.
///
/// Whichever it is, the handlers of one process never overlap, and each sees what the one before left behind. So a
/// server's state needs no lock.
///
/// OTP has no counterpart: there each process is scheduled on its own, as with `pool`.
public enum Execution: Sendable, BitwiseCopyable {
    /// On the workers of the runtime. The timeout of a call is exact, whatever the handler does.
    case pool
    /// On the thread of the caller if the server is idle when a call comes, else on the workers.
    ///
    /// It saves the queue and the change of threads: some nanoseconds a call. The price: the caller waits for the
    /// handler to return, also past its timeout. Handlers must be short and never block. Casts, signals and the exit
    /// run on the workers. Synchronous servers only; the others take it as `pool`.
    case caller
}
