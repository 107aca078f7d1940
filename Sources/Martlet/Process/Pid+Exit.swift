// SPDX-License-Identifier: Apache-2.0
// Exit signals from outside.

extension Pid {
    /// Sends an exit signal (`Process.exit/2`).
    ///
    /// `.normal` is ignored; any other reason ends the process, whether it is idle, queued or inside a handler: a handler
    /// that does not end within a few milliseconds goes on unheard, its effects fenced off (R13). `terminate` does not
    /// run; to run it, stop the server.
    ///
    /// - Parameter reason: what those who wait for the process are told.
    public func exit(_ reason: ExitReason) {
        if case .normal = reason { return }
        if case .killed = reason { return kill() }
        _ = _Post.exitSignal(raw, reason: reason.boxed)
    }

    /// Ends the process whatever it does; everybody sees `.killed` at once (R13).
    ///
    /// A running synchronous handler finishes, unheard: from now on it can neither send nor start anything, and a reply it
    /// still gives counts only until its calls have been failed.
    /// `terminate` does not run; the state's `deinit` does.
    public func kill() { _Post.kill(raw) }

    /// Waits for the end of the process.
    ///
    /// Callable from anywhere. Names, replies and timers of the process are gone when it returns.
    ///
    /// - Returns: its reason; at once `.noProcess` if there is no such process.
    /// - Throws: `CancellationError` when the waiting task was cancelled.
    public nonisolated(nonsending) func waitForExit() async throws(CancellationError) -> ExitReason {
        guard let call = _Call.watching(raw) else { return .noProcess }
        await withTaskCancellationHandler {
            await call.suspend {
                if _Post.watch(raw, reply: call.ref) != .queued { call.completeNoProcess() }
            }
        } onCancel: {
            call.cancel()
        }
        switch call.takeOutcome() {
        case .exited(let reason): return ExitReason(reason)
        case .cancelled: throw CancellationError()
        default: return .noProcess
        }
    }
}

extension Pid {
    /// Waits for the end of the process, also in a task that was cancelled.
    nonisolated(nonsending) func waitForExitUncancelled() async {
        guard let call = _Call.watching(raw) else { return }
        await call.suspend {
            if _Post.watch(raw, reply: call.ref) != .queued { call.completeNoProcess() }
        }
        _ = call.takeOutcome()
    }

    /// Waits for the end of the process, blocking the thread.
    func waitForExitBlocking() {
        guard let call = _Call.watching(raw) else { return }
        if _Post.watch(raw, reply: call.ref) != .queued { call.completeNoProcess() }
        call.waitBlocking()
        _ = call.takeOutcome()
    }
}
