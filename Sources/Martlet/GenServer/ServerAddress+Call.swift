// SPDX-License-Identifier: Apache-2.0
// Requests that are answered. The asynchronous call arms a reply slot, sends the request inside the continuation's
// closure and takes what came; the blocking one does the same with a thread.

extension ServerAddress {
    /// Asks and waits for the reply: `try await counter.call { .get($0) }`.
    ///
    /// The reply type is that of the case's `From`. Fails at once when the server ends, or the call would wait for itself.
    /// Messages of one sender, calls included, arrive in the order of sending (R5). After a timeout the server is not told
    /// and may still do the work; its late reply vanishes (R3, R4).
    ///
    /// OTP: `gen_server:call/3`.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default; nil waits for ever; negative counts as zero. A call from a handler has at most
    ///     the time that the request it handles has left. Never early; timeouts from one second on may be up to 11 ms
    ///     late, shorter ones one tick.
    ///   - request: makes the request from the place of its reply; runs once, at once.
    /// - Returns: the reply.
    /// - Throws: ``CallError``: `timeout`, `noProcess`, `exited`, `callingSelf`, `cycle`, `overloaded` (a mailbox that
    ///   rejects, or no memory), `cancelled`.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func call<Reply: Sendable>(
        timeout: Duration? = .seconds(5), _ request: (From<Reply>) -> Call
    ) async throws(CallError) -> Reply {
        let limit = timeout?._unsignedNanoseconds ?? .max
        switch _callInPlace(limit, request) {
        case .reply(let reply): return reply
        case .waiting(let ref): return try await _awaitReply(ref)
        case .no: return try await _callQueued(limit, request)
        }
    }

    /// The request takes the way through the mailbox.
    @inlinable
    nonisolated(nonsending) func _callQueued<Reply: Sendable>(
        _ limit: UInt64, _ request: (From<Reply>) -> Call
    ) async throws(CallError) -> Reply {
        let pid = _pid
        let call: _Call
        switch _Call.begin(to: pid, timeout: limit) {
        case .success(let begun): call = begun
        case .failure(let refused): throw _CallFailure.error(refused, pid, request: Call.self)
        }
        var room = _Room.take(pid)
        if case .wait = room { room = try await _waitForRoom(call) }
        guard let hasRoom = room.hasCredit else { throw _CallFailure.error(room, call, request: Call.self) }
        let message = request(From(raw: call.ref))
        if !call.mayWait() {
            if hasRoom { _Room.giveBack(pid) }
            throw _CallFailure.cycle(call, message)
        }
        // On a worker most calls end within microseconds: a cancellation handler is installed for those that last.
        if call.isNudged, !Task.isCancelled {
            await call.sendNudged(message, hasRoom: hasRoom)
            if !call.isDone { await _waitOn(call) }
        } else {
            await withTaskCancellationHandler {
                await call.send(message, hasRoom: hasRoom)
            } onCancel: {
                call.cancel()
            }
        }
        if let reply = call.takeReply(Reply.self) { return reply }
        throw _CallFailure.error(call.takeOutcome(), pid, request: Call.self)
    }

    /// Asks and waits for the reply in synchronous code, a synchronous handler included.
    ///
    /// Blocks the thread; on a worker another one takes over its queue meanwhile.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default; nil waits for ever. A call from a handler has at most the time that the request it
    ///     handles has left.
    ///   - request: makes the request from the place of its reply; runs once, at once.
    /// - Returns: the reply.
    /// - Throws: ``CallError`` as when awaited; also `wouldBlockPool` on a thread of Swift's cooperative pool, and `overloaded`
    ///   when no thread is left to stand in for the blocked one.
    @available(*, noasync)
    @inlinable
    public func call<Reply: Sendable>(
        timeout: Duration? = .seconds(5), _ request: (From<Reply>) -> Call
    ) throws(CallError) -> Reply {
        let limit = timeout?._unsignedNanoseconds ?? .max
        switch _callInPlace(limit, request) {
        case .reply(let reply): return reply
        case .waiting(let ref): return try _blockForReply(ref)
        case .no: break
        }
        let pid = _pid
        try _CallFailure.checkMayBlock(pid, request: Call.self)
        let call: _Call
        switch _Call.begin(to: pid, timeout: limit) {
        case .success(let begun): call = begun
        case .failure(let refused): throw _CallFailure.error(refused, pid, request: Call.self)
        }
        var room = _Room.take(pid)
        if case .wait = room { room = try _blockForRoom(call) }
        guard let hasRoom = room.hasCredit else { throw _CallFailure.error(room, call, request: Call.self) }
        let message = request(From(raw: call.ref))
        if !call.mayBlock() {
            if hasRoom { _Room.giveBack(pid) }
            throw _CallFailure.cycle(call, message)
        }
        call.sendBlocking(message, hasRoom: hasRoom)
        if let reply = call.takeReply(Reply.self) { return reply }
        throw _CallFailure.error(call.takeOutcome(), pid, request: Call.self)
    }

    // MARK: Rarely taken ways

    /// Waits for a slot that others know; a cancellation ends it.
    @usableFromInline
    nonisolated(nonsending) func _waitOn(_ call: _Call) async {
        await withTaskCancellationHandler {
            await call.waitShared()
        } onCancel: {
            call.cancel()
        }
    }

    @usableFromInline
    nonisolated(nonsending) func _awaitReply<Reply: Sendable>(_ ref: UInt64) async throws(CallError) -> Reply {
        let call = _Call(shared: ref)
        if call.mayWait() {
            call.armDeadline()
            await _waitOn(call)
        }
        if let reply = call.takeReply(Reply.self) { return reply }
        throw _CallFailure.error(call.takeOutcome(), call.pid, request: Call.self)
    }

    @usableFromInline
    func _blockForReply<Reply: Sendable>(_ ref: UInt64) throws(CallError) -> Reply {
        let call = _Call(shared: ref)
        if call.mayBlock() {
            call.armDeadline()
            call.waitBlocking()
        }
        if let reply = call.takeReply(Reply.self) { return reply }
        throw _CallFailure.error(call.takeOutcome(), call.pid, request: Call.self)
    }

    /// Waits for room on a slot of its own with the call's deadline.
    @usableFromInline
    nonisolated(nonsending) func _waitForRoom(_ call: _Call) async throws(CallError) -> _Room {
        guard let waiting = call.sibling() else { return .refused }
        let outcome = await withTaskCancellationHandler {
            await _Room.wait(waiting)
        } onCancel: {
            waiting.cancel()
        }
        if case .granted = outcome { return .taken }
        call.discard()
        throw _CallFailure.error(outcome, call.pid, request: Call.self)
    }

    @usableFromInline
    func _blockForRoom(_ call: _Call) throws(CallError) -> _Room {
        guard let waiting = call.sibling() else { return .refused }
        let outcome = _Room.waitBlocking(waiting)
        if case .granted = outcome { return .taken }
        call.discard()
        throw _CallFailure.error(outcome, call.pid, request: Call.self)
    }
}

extension _Room {
    /// Whether a credit is held, when the request may be sent; else nil.
    @inlinable var hasCredit: Bool? {
        switch self {
        case .unbounded: false
        case .taken: true
        case .refused, .wait, .noProcess: nil
        }
    }
}
