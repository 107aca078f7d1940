// SPDX-License-Identifier: Apache-2.0
// The one bridge from exit reasons to Swift errors. Not a failure: throwing `ExitSignal(.normal)` is a good end.

/// Ends the current process with a chosen reason when it is thrown out of a callback or out of the body of a raw
/// process.
///
/// Any other error that leaves a callback ends the process with `ExitReason.error` and that error; this one is unpacked
/// and gives its own reason. A `do … catch` in between that swallows it keeps the process alive.
///
/// `Mailbox.receive` throws one when the process was told to end: let it pass. For everybody else the process is over by
/// then; what its body still sends is not held back, as a server's is.
///
/// OTP: `erlang:exit/1`.
///
/// ```swift
/// guard let line = try nextLine() else { throw ExitSignal(.normal) }
/// ```
public struct ExitSignal: Error, Sendable {
    /// The reason the process ends with.
    public let reason: ExitReason

    /// Creates a signal to throw; creating it has no effect yet.
    ///
    /// - Parameter reason: the reason the process ends with.
    public init(_ reason: ExitReason) { self.reason = reason }
}
