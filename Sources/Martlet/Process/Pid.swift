// SPDX-License-Identifier: Apache-2.0
// The identity of one incarnation of a process. Not typed: what may be sent is said by ServerRef and ProcessRef.

/// One incarnation of a process.
///
/// Slot and generation in one table for the whole OS process, so a pid never names a successor: after the process ended,
/// every use says so. 8 bytes, no reference counting.
///
/// OTP: a pid.
public struct Pid: Hashable, Sendable, BitwiseCopyable {
    /// Generation in the upper half, slot index in the lower; never 0.
    @usableFromInline let raw: UInt64

    @inlinable
    init(raw: UInt64) { self.raw = raw }

    /// The process whose code is running on this thread, nil outside one (`self()`).
    ///
    /// Follows an asynchronous server's callbacks and the body of a raw process into what they await, not into tasks that
    /// they create.
    ///
    /// - Complexity: O(1), a thread-local load in a server; a task-local lookup elsewhere.
    public static var current: Pid? {
        let raw = _CurrentProcess.pid
        return raw == 0 ? nil : Pid(raw: raw)
    }

    /// No process: who an exit signal is from when no process sent it.
    ///
    /// Every use of it says that there is no process.
    public static let none = Pid(raw: 0)

    /// Whether the process has not begun to end (`Process.alive?`).
    ///
    /// Only a hint: it may end before you look.
    public var isAlive: Bool { _Post.isAlive(raw) }
}

extension Pid: CustomStringConvertible {
    /// The pid as `<index.generation>`.
    public var description: String { "<\(UInt32(truncatingIfNeeded: raw)).\(raw >> 32)>" }
}
