// SPDX-License-Identifier: Apache-2.0
// The right to answer one call. A generation-checked handle on a reply slot, never a mailbox message.

/// Where the reply of one call goes.
///
/// Copy it, keep it, reply from any thread: the first reply counts, later ones vanish (R4). A process that ends fails all
/// calls it has not answered, at once and with its reason. 8 bytes, no reference counting.
///
/// OTP: `From` of `handle_call/3`, and `gen_server:reply/2`.
public struct From<Reply: Sendable>: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline let raw: UInt64

    @inlinable
    init(raw: UInt64) { self.raw = raw }

    /// Answers now.
    ///
    /// - Parameter reply: the answer; it vanishes if the call was answered, timed out or cancelled before.
    /// - Returns: `.wait`, so that it can end a handler.
    /// - Complexity: O(1), lock-free; resumes the caller.
    @discardableResult
    @inlinable
    public func reply(_ reply: consuming Reply) -> Next {
        _Answer.give(reply, to: raw)
        return .wait
    }

    /// Answers and goes on with `next`.
    ///
    /// With `.stop` the caller hears the answer after `terminate` has run (R10); if the process is killed before, the call
    /// fails with `exited`.
    ///
    /// - Parameters:
    ///   - reply: the answer.
    ///   - next: what the handler returns.
    /// - Returns: `next`.
    @inlinable
    public func reply(_ reply: consuming Reply, then next: Next) -> Next {
        if case .stop = next._kind, _Answer.isInHandler {
            _Answer.park(reply, for: raw)
        } else {
            _Answer.give(reply, to: raw)
        }
        return next
    }

    /// The process that called; nil if it was not one, or the call has been answered.
    public var caller: Pid? {
        let pid = _Answer.caller(of: raw)
        return pid == 0 ? nil : Pid(raw: pid)
    }
}

extension From {
    /// Time left until the caller gives up.
    ///
    /// - Returns: nil without limit; zero if it has given up or was answered.
    public var remaining: Duration? {
        guard let nanoseconds = _Answer.remaining(of: raw) else { return nil }
        return .nanoseconds(Int64(clamping: nanoseconds))
    }
}

extension From where Reply == Void {
    /// Answers now.
    ///
    /// - Returns: `.wait`, so that it can end a handler.
    @discardableResult
    @inlinable
    public func reply() -> Next { reply(()) }

    /// Answers and goes on with `next`.
    ///
    /// - Parameter next: what the handler returns.
    /// - Returns: `next`.
    @inlinable
    public func reply(then next: Next) -> Next { reply((), then: next) }
}
