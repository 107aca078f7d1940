// SPDX-License-Identifier: Apache-2.0
// One watch on one process.

/// Names a monitor; carried by its `Info.down`.
///
/// 8 bytes, no reference counting; any thread may use it, stale ones are harmless.
///
/// OTP: the reference of `erlang:monitor/2`.
public struct MonitorRef: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline let raw: UInt64

    @usableFromInline
    init(raw: UInt64) { self.raw = raw }

    /// Ends the watch, and takes its `Info.down` out of the mailbox if it is already there (`demonitor(Ref, [flush])`).
    ///
    /// After it has returned no news of this monitor comes. Any thread.
    ///
    /// - Returns: false if it had fired, or was ended before.
    /// - Complexity: O(1).
    @discardableResult
    public func cancel() -> Bool { _Tie.demonitor(raw) }
}
