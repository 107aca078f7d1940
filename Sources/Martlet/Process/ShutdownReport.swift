// SPDX-License-Identifier: Apache-2.0
// How the shutdown of a runtime went.

/// What the shutdown of a runtime had to do.
///
/// OTP: `init:stop/0` has no such report; it waits for ever, or until its own kill.
public struct ShutdownReport: Sendable {
    /// The processes that had not ended by the deadline and were killed, as they were just before.
    ///
    /// Empty after a shutdown in good order.
    public let stuck: [ProcessStatus]
    /// How long it took, from the request until the last process was gone.
    public let duration: Duration
}
