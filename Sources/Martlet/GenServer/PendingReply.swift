// SPDX-License-Identifier: Apache-2.0
// The reply of `request`, not yet waited for.

/// A reply to come.
///
/// Copy it freely: copies are equal, and the reply is taken once, by whoever is first. 8 bytes, no reference counting, so
/// nothing ends when copies go away. What is not wanted any more should be abandoned. What is forgotten is reclaimed a
/// minute after its deadline, or when the process ends whose synchronous handler made it, whichever is first; a request
/// without limit made elsewhere stays until it is taken or abandoned.
///
/// OTP: a request id of `gen_server:send_command/2`.
///
/// ```swift
/// let price = shop.request { .price(of: item, $0) }
/// let stock = store.request { .stock(of: item, $0) }
/// return try await Offer(price.value(), stock.value())
/// ```
public struct PendingReply<Reply: Sendable>: Hashable, Sendable, BitwiseCopyable {
    /// The handle of the request; 0: there was no memory for it.
    @usableFromInline let raw: UInt64

    @inlinable
    init(raw: UInt64) { self.raw = raw }

    /// Waits for the reply.
    ///
    /// A reply that is there is returned at once, also after the deadline. A process that waits so is found in a call cycle.
    /// Cancelling the task abandons the request. After a wait that timed out or was cancelled it throws
    /// `timeout`. Traps if the reply was taken before, or is being waited for elsewhere; when that cannot be told any
    /// more, as after it was abandoned, it throws `cancelled`.
    ///
    /// OTP: `gen_server:receive_response/1`.
    ///
    /// - Returns: the reply.
    /// - Throws: ``CallError`` as of a call: `timeout`, `noProcess`, `exited`, `overloaded`, `cancelled`, `callingSelf`,
    ///   `cycle`.
    public nonisolated(nonsending) func value() async throws(CallError) -> Reply {
        let call = try take()
        if !call.isDone, call.mayWait() {
            await withTaskCancellationHandler {
                await call.waitShared()
            } onCancel: {
                call.cancel()
            }
        }
        return try finish(call).get()
    }

    /// Waits for the reply, in synchronous code.
    ///
    /// Blocks the thread; on a worker another one takes over its queue meanwhile.
    ///
    /// - Returns: the reply.
    /// - Throws: ``CallError`` as when awaited; also `wouldBlockPool` on a thread of Swift's cooperative pool, which leaves the
    ///   request as it was.
    @available(*, noasync)
    public func value() throws(CallError) -> Reply {
        let call = try take()
        if !call.isDone {
            do { try _CallFailure.checkMayBlock(call.pid, type: _Request.type(of: raw)) } catch {
                _Request.putBack(raw)
                throw error
            }
            if call.mayBlock() { call.waitBlocking() }
        }
        return try finish(call).get()
    }

    /// The reply if it is there.
    ///
    /// - Returns: the reply, which is taken with that; nil if there is none yet, or somebody else waits for it.
    /// - Throws: ``CallError`` as `value` does, once the request is over without a reply.
    public func poll() throws(CallError) -> Reply? {
        if raw != 0, _Request.isHeld(raw) { return nil }
        let call = try take()
        if call.isDone { return try finish(call).get() }
        _Request.putBack(raw)
        return nil
    }

    /// Gives up: a late reply vanishes, a request not yet begun is skipped.
    ///
    /// If somebody waits for it, that one hears `cancelled`. What was taken stays so.
    public func abandon() { if raw != 0 { _Request.abandon(raw) } }

    // MARK: Taking

    /// The reply slot, held until `finish`.
    private func take() throws(CallError) -> _Call {
        switch hold() {
        case .call(let call): return call
        case .over(let outcome): throw _CallFailure.error(outcome, 0, type: Reply.self)
        }
    }

    enum Hold {
        case call(_Call)
        case over(_Outcome)
    }

    /// The right to take it, for a collection too.
    func hold() -> Hold {
        guard raw != 0 else { return .over(.overloaded) }
        switch _Request.hold(raw) {
        case .yours(let call): return .call(call)
        case .taken: preconditionFailure("expected a reply that was not taken before")
        case .others: preconditionFailure("expected a reply that nobody waits for, and that is in no collection")
        case .forgotten: return .over(.timeout)
        case .over: return .over(.cancelled)
        }
    }

    /// The outcome of a slot that is done and held; the request is over with it.
    func finish(_ call: _Call) -> Result<Reply, CallError> {
        let type = _Request.type(of: raw)
        if let reply = call.takeReply(Reply.self) {
            _Request.end(raw)
            return .success(reply)
        }
        let outcome = call.takeOutcome()
        switch outcome {
        // Not taken: who asks again hears that it is too late.
        case .timeout, .cancelled, .cycle: _Request.endForgotten(raw)
        default: _Request.end(raw)
        }
        return .failure(_CallFailure.error(outcome, call.pid, type: type))
    }
}
