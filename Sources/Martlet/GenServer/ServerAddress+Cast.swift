// SPDX-License-Identifier: Apache-2.0
// Requests that are not answered.

extension ServerAddress {
    /// Sends without waiting (`gen_server:cast/2`).
    ///
    /// Never fails; messages of one sender arrive in the order of sending (R5).
    ///
    /// - Parameter cast: what to do.
    /// - Returns: what became of it at the moment of sending; may be ignored (R6).
    /// - Complexity: O(1), wait-free for an unbounded mailbox: one atomic exchange.
    @discardableResult
    @inlinable
    public func cast(_ cast: Cast) -> SendOutcome { SendOutcome(_Post.send(cast, kind: .cast, to: _pid)) }

    /// Sends, waiting for room in a full mailbox, first come first served.
    ///
    /// An unbounded mailbox has room at once. While others wait, casts and sends find the mailbox full. With
    /// `.dropOldest` it displaces as a cast does, and waits only behind what cannot be dropped.
    ///
    /// - Parameters:
    ///   - cast: what to do.
    ///   - timeout: how long to wait for room; 5 seconds by default, nil for ever.
    /// - Throws: ``CallError``: `timeout`, `cancelled`, `noProcess`, `callingSelf` or `cycle` where it would wait
    ///   for itself.
    @inlinable
    public nonisolated(nonsending) func castWaiting(
        _ cast: Cast, timeout: Duration? = .seconds(5)
    ) async throws(CallError) {
        let pid = _pid
        switch _Room.take(pid) {
        case .unbounded: return try _sendCast(cast, pid)
        case .taken: break
        case .noProcess: throw _CallFailure.error(_Refused.noProcess, pid, request: Cast.self)
        case .wait, .refused: try await _waitToCast(cast, pid, timeout)
        }
        try _sendGrantedCast(cast, pid)
    }

    /// Sends from synchronous code, waiting for room in a full mailbox, first come first served.
    ///
    /// Blocks the thread; on a worker another one takes over its queue meanwhile.
    ///
    /// - Parameters:
    ///   - cast: what to do.
    ///   - timeout: how long to wait for room; 5 seconds by default, nil for ever.
    /// - Throws: ``CallError`` as when awaited; `overloaded` when no thread is left to stand in, and `wouldBlockPool` where a
    ///   thread of Swift's cooperative pool would have to wait.
    @available(*, noasync)
    @inlinable
    public func castWaiting(_ cast: Cast, timeout: Duration? = .seconds(5)) throws(CallError) {
        let pid = _pid
        switch _Room.take(pid) {
        case .unbounded: return try _sendCast(cast, pid)
        case .taken: break
        case .noProcess: throw _CallFailure.error(_Refused.noProcess, pid, request: Cast.self)
        case .wait, .refused: try _blockToCast(cast, pid, timeout)
        }
        try _sendGrantedCast(cast, pid)
    }

    /// Sends a message for `handleInfo` (`send/2`).
    ///
    /// - Parameter message: what to send.
    /// - Returns: what became of it at the moment of sending; may be ignored.
    @discardableResult
    @inlinable
    public func send(_ message: Message) -> SendOutcome { SendOutcome(_Post.send(message, kind: .message, to: _pid)) }

    /// Sends a message after a delay (`Process.send_after/3`); a name is looked up then (R22).
    ///
    /// The timer belongs to the process whose handler runs and dies with it, or to the runtime outside one.
    ///
    /// - Parameters:
    ///   - delay: monotonic, rounded up to the runtime's tick, never early; negative counts as zero.
    ///   - message: what to send.
    /// - Returns: the timer.
    @discardableResult
    @inlinable
    public func sendAfter(_ delay: Duration, _ message: Message) -> TimerRef {
        if Self.self == Ref.self {
            return TimerRef(raw: _Timers.sendAfter(delay._unsignedNanoseconds, message, to: _pid))
        }
        return _sendLater(delay, message)
    }

    /// Sends a message every interval until cancelled or the owner ends; the first after one interval.
    ///
    /// - Parameters:
    ///   - interval: at least the runtime's tick; shorter ones count as one tick.
    ///   - message: what to send each time; a name is looked up each time.
    ///   - policy: from due time to due time, which does not drift and merges ticks missed by a late handler (default),
    ///     or from delivery.
    /// - Returns: the timer.
    @discardableResult
    public func sendInterval(
        _ interval: Duration, _ message: Message, _ policy: IntervalPolicy = .fixedRate
    ) -> TimerRef {
        TimerRef(
            raw: _Timers.every(interval._unsignedNanoseconds, isFixedDelay: policy == .fixedDelay, message) { _pid })
    }

    // MARK: Rarely taken ways

    /// Sends a message that the server has asked for itself: no bound of its mailbox refuses or displaces it.
    ///
    /// Not from code of a process.
    func _sendOwed(_ message: Message) {
        let pid = _pid
        switch _Room.take(pid) {
        case .unbounded, .noProcess: return _ = send(message)
        case .taken: _Room.giveBack(pid)
        case .refused, .wait: break
        }
        _ = _Timers.owe(message, to: pid)
    }

    @usableFromInline
    func _sendLater(_ delay: Duration, _ message: Message) -> TimerRef {
        TimerRef(raw: _Timers.once(after: delay._unsignedNanoseconds) { send(message) })
    }

    @usableFromInline
    func _sendCast(_ cast: Cast, _ pid: UInt64) throws(CallError) {
        switch _Post.send(cast, kind: .cast, to: pid) {
        case .queued, .displaced: return
        case .noProcess: throw _CallFailure.error(_Refused.noProcess, pid, request: Cast.self)
        case .full, .noMemory: throw _CallFailure.error(_Refused.overloaded, pid, request: Cast.self)
        }
    }

    @usableFromInline
    func _sendGrantedCast(_ cast: Cast, _ pid: UInt64) throws(CallError) {
        if _Room.sendGranted(cast, kind: .cast, to: pid) { return }
        throw _CallFailure.error(_Refused.noProcess, pid, request: Cast.self)
    }

    @usableFromInline
    nonisolated(nonsending) func _waitToCast(_ cast: Cast, _ pid: UInt64, _ timeout: Duration?) async throws(CallError)
    {
        let call = try _beginWait(pid, timeout)
        let outcome = await withTaskCancellationHandler {
            await _Room.wait(call)
        } onCancel: {
            call.cancel()
        }
        switch outcome {
        case .granted: return
        case .exited: throw _CallFailure.error(_Refused.noProcess, pid, request: Cast.self)
        default: throw _CallFailure.error(outcome, pid, cast)
        }
    }

    @usableFromInline
    func _blockToCast(_ cast: Cast, _ pid: UInt64, _ timeout: Duration?) throws(CallError) {
        try _CallFailure.checkMayBlock(pid, request: Cast.self)
        let outcome = _Room.waitBlocking(try _beginWait(pid, timeout))
        switch outcome {
        case .granted: return
        case .exited: throw _CallFailure.error(_Refused.noProcess, pid, request: Cast.self)
        default: throw _CallFailure.error(outcome, pid, cast)
        }
    }

    private func _beginWait(_ pid: UInt64, _ timeout: Duration?) throws(CallError) -> _Call {
        switch _Call.begin(to: pid, timeout: timeout?._unsignedNanoseconds ?? .max) {
        case .success(let call): return call
        case .failure(let refused): throw _CallFailure.error(refused, pid, request: Cast.self)
        }
    }
}
