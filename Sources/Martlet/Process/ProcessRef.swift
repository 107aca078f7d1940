// SPDX-License-Identifier: Apache-2.0
// A typed place to send to: a raw process, or the `Message` side of a server (`ServerRef.process`).

/// Where messages of one type can be sent.
///
/// 8 bytes, no reference counting; after the process ended every use says so. Any thread may use it.
///
/// OTP: a pid, or an alias, which knows what may be sent to it.
///
/// When not to use: for what a server is asked, ``ServerRef``; for who it is, to link, watch or end it, its ``pid``.
public struct ProcessRef<Message: Sendable>: Hashable, Sendable, BitwiseCopyable {
    /// The process.
    public let pid: Pid

    @inlinable
    init(pid: Pid) { self.pid = pid }

    /// Sends without waiting (`send/2`).
    ///
    /// Messages of one sender arrive in the order of sending (R5).
    ///
    /// - Parameter message: what to send.
    /// - Returns: what became of it at the moment of sending; a dead receiver is no error (R6).
    /// - Complexity: O(1), wait-free for an unbounded mailbox: one atomic exchange.
    @discardableResult
    @inlinable
    public func send(_ message: sending Message) -> SendOutcome {
        SendOutcome(_Post.send(message, kind: .message, to: pid.raw))
    }

    /// Sends after a delay, to the process that this reference names (`Process.send_after/3`).
    ///
    /// The timer belongs to the process whose handler runs, or to the runtime outside one.
    ///
    /// - Parameters:
    ///   - delay: monotonic, rounded up to the runtime's tick, never early; negative counts as zero.
    ///   - message: what to send.
    /// - Returns: the timer.
    @discardableResult
    @inlinable
    public func sendAfter(_ delay: Duration, _ message: sending Message) -> TimerRef {
        TimerRef(raw: _Timers.sendAfter(delay._unsignedNanoseconds, message, to: pid.raw))
    }

    /// Sends every interval until cancelled or the owner ends; the first after one interval.
    ///
    /// - Parameters:
    ///   - interval: at least the runtime's tick; shorter ones count as one tick.
    ///   - message: what to send each time.
    ///   - policy: from due time to due time (default), or from delivery.
    /// - Returns: the timer.
    @discardableResult
    public func sendInterval(
        _ interval: Duration, _ message: Message, _ policy: IntervalPolicy = .fixedRate
    ) -> TimerRef {
        let pid = pid.raw
        return TimerRef(
            raw: _Timers.every(interval._unsignedNanoseconds, isFixedDelay: policy == .fixedDelay, message) { pid })
    }
}

extension Pid {
    /// Sends a value that the receiver has not declared: it arrives as `Info.unexpected` (`send/2`).
    ///
    /// - Parameter message: what to send.
    /// - Returns: what became of it at the moment of sending.
    @discardableResult
    public func send(any message: any Sendable) -> SendOutcome {
        // The cast keeps the existential closed: opened, the node would hold the value within, and the receiver takes out
        // an `any Sendable`.
        SendOutcome(_Post.send(message as any Sendable, kind: .unexpected, to: raw))
    }
}

extension SendOutcome {
    @inlinable
    init(_ status: _SendStatus) {
        switch status {
        case .queued: self = .queued
        case .displaced: self = .displacedOldest
        case .full, .noMemory: self = .full
        case .noProcess: self = .noProcess
        }
    }
}
