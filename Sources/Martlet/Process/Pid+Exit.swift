// SPDX-License-Identifier: Apache-2.0
// Exit signals from outside.

extension Pid {
    /// Sends an exit signal (`Process.exit/2`).
    ///
    /// A process that traps exits gets it as `Info.exit`, in its turn (R12); sent from outside of processes it comes from
    /// ``Pid/none``. Else `.normal` is ignored, unless a process sends it to itself, and any other reason ends the process
    /// ahead of all that is queued, whether it is idle, queued or inside a handler: a handler that does not end within a
    /// few milliseconds goes on unheard, its effects fenced off (R13).
    ///
    /// `terminate` does not run, except in a server whose parent sent the signal: that is how a supervisor asks it to end,
    /// trapping or not, and its handler may end first (R11). From elsewhere, stop the server instead.
    ///
    /// Without memory for the reason a process that does not trap is killed, and one that traps hears nothing: who must be
    /// sure waits for the end, and kills when it does not come, as supervisors do.
    ///
    /// `.killed` is an ordinary reason here and can be trapped, as `exit(Pid, killed)` can; see ``kill()``.
    ///
    /// - Parameter reason: what linked processes, monitors and callers are told.
    public func exit(_ reason: ExitReason) { _Post.exitSignal(raw, reason: reason.boxed) }

    /// Ends the process whatever it does; everybody sees `.killed` at once (R13).
    ///
    /// A running synchronous handler finishes, unheard: from now on it can neither send nor start anything, and a reply it
    /// still gives counts only until its calls have been failed.
    /// A suspended asynchronous callback is cancelled, and so is the task of a spawned body that waits for anything but a
    /// receive, which throws. `terminate` does not run; the state's `deinit` does.
    public func kill() { _Post.kill(raw) }

    /// Waits for the end of the process.
    ///
    /// Callable from anywhere. Names, replies and timers of the process are gone when it returns.
    ///
    /// - Returns: its reason; at once `.noProcess` if there is no such process.
    /// - Throws: `CancellationError` when the waiting task was cancelled.
    public nonisolated(nonsending) func waitForExit() async throws(CancellationError) -> ExitReason {
        guard let call = _Call.watching(raw) else { return .noProcess }
        switch await outcome(of: call) {
        case .exited(let reason): return ExitReason(reason)
        case .cancelled: throw CancellationError()
        default: return .noProcess
        }
    }
}

extension Pid {
    /// Waits for the end of the process, as one who told it to end: for a call back from it this is a wait like any other,
    /// and fails it as a cycle.
    ///
    /// - Parameter limit: how long; nil for ever.
    /// - Returns: false if it is still there: its time was over, or the waiting task was cancelled.
    nonisolated(nonsending) func waitForExit(within limit: Duration?) async -> Bool {
        let timeout = limit?._unsignedNanoseconds ?? .max
        guard var call = _Call.watching(raw, timeout: timeout) else { return true }
        if !call.mayWait() {
            // It waits for us already, and hears that we end: this wait is not the one to give up.
            _ = call.takeOutcome()
            guard let quiet = _Call.watching(raw, timeout: timeout) else { return true }
            call = quiet
        }
        switch await outcome(of: call) {
        case .timeout, .cancelled: return false
        default: return true
        }
    }

    /// Waits for the end of the process, also in a task that was cancelled.
    ///
    /// - Returns: its reason.
    @discardableResult
    nonisolated(nonsending) func waitForExitUncancelled() async -> ExitReason {
        guard let call = _Call.watching(raw) else { return .noProcess }
        await call.suspend { watch(by: call) }
        if case .exited(let reason) = call.takeOutcome() { return ExitReason(reason) }
        return .noProcess
    }

    /// Waits for the end of the process, blocking the thread.
    func waitForExitBlocking() {
        guard let call = _Call.watching(raw) else { return }
        watch(by: call)
        call.waitBlocking()
        _ = call.takeOutcome()
    }

    private func watch(by call: _Call) {
        if _Post.watch(raw, reply: call.ref) != .queued { call.completeNoProcess() }
    }

    /// Waits; the cancellation of the waiting task is an outcome.
    private nonisolated(nonsending) func outcome(of call: _Call) async -> _Outcome {
        await withTaskCancellationHandler {
            await call.suspend { watch(by: call) }
        } onCancel: {
            call.cancel()
        }
        return call.takeOutcome()
    }
}
