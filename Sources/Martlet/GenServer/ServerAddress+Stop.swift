// SPDX-License-Identifier: Apache-2.0
// Ending and watching a server.

extension ServerAddress {
    /// Stops the server in order, `terminate` included, and returns when it is gone (`gen_server:stop/3`, R15).
    ///
    /// A system message: it is queued behind what was sent before, takes no room in a bounded mailbox and is never
    /// dropped.
    ///
    /// - Parameters:
    ///   - reason: what it ends with, and what those who watch are told; `.normal` by default.
    ///   - timeout: how long to wait; nil, the default, for ever. After a timeout the server still stops.
    /// - Throws: ``CallError``: `noProcess`, `callingSelf`, `cycle`, `timeout`, `cancelled`, or `exited` with the reason if it ended
    ///   with another one.
    public nonisolated(nonsending) func stop(
        _ reason: ExitReason = .normal, timeout: Duration? = nil
    ) async throws(CallError) {
        let call = try _beginStop(timeout)
        let boxed = reason.boxed
        if call.mayWait() {
            await withTaskCancellationHandler {
                await call.suspend {
                    if _Post.stop(call.pid, reason: boxed, reply: call.ref) != .queued { call.completeNoProcess() }
                }
            } onCancel: {
                call.cancel()
            }
        }
        try _finishStop(call, reason)
    }

    /// Stops the server in order, from synchronous code; returns when it is gone (`gen_server:stop/3`, R15).
    ///
    /// Blocks the thread; on a worker another one takes over its queue meanwhile.
    ///
    /// - Parameters:
    ///   - reason: what it ends with, and what those who watch are told; `.normal` by default.
    ///   - timeout: how long to wait; nil, the default, for ever. After a timeout the server still stops.
    /// - Throws: ``CallError`` as when awaited; also `wouldBlockPool` on a thread of Swift's cooperative pool.
    @available(*, noasync)
    public func stop(_ reason: ExitReason = .normal, timeout: Duration? = nil) throws(CallError) {
        try _CallFailure.checkMayBlock(_pid, request: Call.self)
        let call = try _beginStop(timeout)
        let boxed = reason.boxed
        if call.mayBlock() {
            call.armDeadline()
            if _Post.stop(call.pid, reason: boxed, reply: call.ref) != .queued { call.completeNoProcess() }
            call.waitBlocking()
        }
        try _finishStop(call, reason)
    }

    private func _beginStop(_ timeout: Duration?) throws(CallError) -> _Call {
        let pid = _pid
        switch _Call.begin(to: pid, timeout: timeout?._unsignedNanoseconds ?? .max) {
        case .success(let call): return call
        case .failure(let refused): throw _CallFailure.error(refused, pid, request: Call.self)
        }
    }

    /// The process is down, or the wait ended.
    ///
    /// The same reason as was asked for is success, also when another stop was first.
    private func _finishStop(_ call: _Call, _ asked: ExitReason) throws(CallError) {
        let outcome = call.takeOutcome()
        if case .exited(let reason) = outcome, ExitReason(reason).isIdentical(to: asked) { return }
        throw _CallFailure.error(outcome, call.pid, request: Call.self)
    }
}

extension ServerAddress {
    /// Watches the server from the current process (`erlang:monitor/2`).
    ///
    /// As ``Pid/monitor(file:line:)``; a name is looked up now, and one that leads nowhere gives `Info.down` of
    /// ``Pid/none`` with `.noProcess`. Traps outside a process, and when memory is out.
    ///
    /// - Parameters:
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: what its `Info.down` carries, and what ends the watch.
    public func monitor(file: StaticString = #fileID, line: UInt = #line) -> MonitorRef {
        Pid(raw: _pid).monitor(file: file, line: line)
    }
}
