// SPDX-License-Identifier: Apache-2.0
// What a server does after a callback. Not what it answers: a reply is given by `From.reply`.
//
// Nine bytes, returned in registers: one word for the idle time or the reason, one byte for the case. Every handler
// returns one, so making and reading it is inlined into the server's module; `wait(idle:)` always, because then a
// literal duration becomes a constant.

/// What a callback returns: what its process does next.
///
/// Opaque, so that it can grow. It has an effect only as the return value of a callback.
///
/// OTP: the part of a callback's return value behind the new state: nothing, `Timeout`, `hibernate`, `{continue, _}`;
/// and `{stop, Reason, State}`.
public struct Next: Sendable {
    @usableFromInline
    enum _Kind: Sendable {
        case wait
        /// The idle time, never negative.
        case idle(nanoseconds: Int64)
        case hibernate
        case proceed
        case stop(ExitReason)
    }

    @usableFromInline let _kind: _Kind

    @inlinable
    init(_kind: _Kind) { self._kind = _kind }

    /// Waits for the next message, for however long.
    @inlinable public static var wait: Next { Next(_kind: .wait) }

    /// Waits for the next message; if none comes within `idle`, the server receives `Info.timeout`, once.
    ///
    /// The time runs from the end of the callback, on the monotonic clock, and is never too short. If a message is
    /// queued already, or comes first, the timeout does not fire, and it is armed again only when a callback returns it
    /// again. System messages do not touch it (R7).
    ///
    /// - Parameter idle: how long to wait, rounded up to whole nanoseconds. Zero, and a negative duration, which counts
    ///   as zero, let the timeout fire at once if no message is queued. More than 292 years count as 292 years.
    /// - Returns: the value to return.
    @inlinable @inline(__always)
    public static func wait(idle: Duration) -> Next { Next(_kind: .idle(nanoseconds: max(0, idle._nanoseconds))) }

    /// Waits for the next message, and gives memory back first; at once awake if a message is queued (R9).
    @inlinable public static var hibernate: Next { Next(_kind: .hibernate) }

    /// Runs `handleContinue` before any queued message, so that work can be split or moved out of `init` with nothing
    /// in between (R8).
    @inlinable public static var `continue`: Next { Next(_kind: .proceed) }

    /// Ends the process: runs `terminate`, then delivers a reply parked by `reply(_:then:)`, then exits (R10).
    ///
    /// Messages still queued are not handled; they are counted as dead letters, and their callers' calls fail with
    /// `exited` and this reason.
    ///
    /// - Parameter reason: what links, monitors and callers are told; `normal` by default. An abnormal one writes a
    ///   crash report.
    /// - Returns: the value to return.
    @inlinable
    public static func stop(_ reason: ExitReason = .normal) -> Next { Next(_kind: .stop(reason)) }
}
