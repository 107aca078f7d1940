// SPDX-License-Identifier: Apache-2.0
// What runs the body of a raw process: it starts the task with the first message of the process, and ends the process
// with the task.

enum RawProcess {
    /// What the first message carries: who takes over the process.
    struct Start: Sendable {
        let adopt: @Sendable (_TaskProcess) -> Void
    }

    /// The class of raw processes with one message type.
    static func processClass<Message: Sendable>(_: Message.Type) -> _ProcessClass {
        _ProcessClass.of(Mailbox<Message>.self) {
            (
                _ClassTraits(
                    name: "raw process of \(Message.self)", message: "\(Message.self)",
                    messageSize: MemoryLayout<Message>.size),
                { slice in
                    guard slice.kind == .initialise else { return _TaskProcess.run(slice) }
                    // Whoever waits for what it does hears of its end.
                    slice.defer_(slice.reply)
                    let start = slice.takeInit(Start.self).argument
                    let process = _TaskProcess(adopting: slice)
                    start.adopt(process)
                    return .left
                }
            )
        }
    }

    /// Starts a process that runs `body` on the current runtime; traps when there is no room for it.
    static func spawn<Message: Sendable>(
        _ request: _SpawnRequest, _ file: StaticString, _ line: UInt,
        _ body: sending @escaping (inout Mailbox<Message>) async throws -> Void
    ) -> (ref: ProcessRef<Message>, monitor: MonitorRef) {
        switch launch(request, body) {
        case .success(let process): return process
        case .failure(let failure): return (none(failure, file, line), MonitorRef(raw: 0))
        }
    }

    /// What a start without errors returns in place of a process: a handler that was killed goes on unheard, all else
    /// traps.
    static func none<Message: Sendable>(
        _ failure: _SpawnFailure, _ file: StaticString, _ line: UInt
    ) -> ProcessRef<Message> {
        if case .killed = failure { return ProcessRef(pid: .none) }
        preconditionFailure("expected a runtime with room for a process, got \(failure)", file: file, line: line)
    }

    /// Starts a process that runs `body` on the current runtime.
    ///
    /// - Parameter reply: the slot of a request that fails when the process ends; the body may answer it before.
    static func launch<Message: Sendable>(
        _ request: _SpawnRequest, reply: UInt64 = 0,
        _ body: sending @escaping (inout Mailbox<Message>) async throws -> Void
    ) -> Result<(ref: ProcessRef<Message>, monitor: MonitorRef), _SpawnFailure> {
        let runtime = Runtime.current
        let run = _Once(body)
        let start = Start { process in
            let task = Task(executorPreference: runtime.executor) {
                guard let body = run.take() else { return }
                _ = await RawProcess.run(process, Message.self, isReported: true, body)
            }
            process.own(task)
        }
        var monitor: UInt64 = 0
        return _Spawning.spawn(
            processClass(Message.self), start, request, in: runtime.core, reply: reply, monitor: &monitor
        ).map { (ProcessRef(pid: Pid(raw: $0)), MonitorRef(raw: monitor)) }
    }

    /// Runs `body` as the body of a process that this task owns, then hands the process to its end.
    ///
    /// - Parameter isReported: an abnormal end is a crash report (R16); where the error is thrown on it is not.
    nonisolated(nonsending) static func run<Message: Sendable, R>(
        _ process: _TaskProcess, _: Message.Type, isReported: Bool = false,
        _ body: (inout Mailbox<Message>) async throws -> R
    ) async -> Result<R, any Error> {
        let result: Result<R, any Error> = await _CurrentProcess.with(process.pid) {
            var mailbox = Mailbox<Message>(process)
            do { return .success(try await body(&mailbox)) } catch { return .failure(error) }
        }
        switch result {
        case .success: process.finish(ExitReason.normal.boxed)
        case .failure(let error):
            let reason = ExitReason(thrown: error)
            let draft = isReported ? _CrashLog.draft(reason, thrown: error, in: process.face, state: nil) : nil
            if process.finish(reason.boxed) { _CrashLog.file(draft) }
        }
        return result
    }

    /// The task of a process was cancelled: its body hears of it behind the messages that came before.
    ///
    /// A message, so that no receive has to look for a cancellation. Late ones do nothing.
    static func cancel(_ pid: UInt64) {
        let reason = ExitReason.shutdownWith(CancellationError()).boxed
        // Without memory for the message the process ends the hard way: its task must not wait for ever.
        if _Post.stop(pid, reason: reason, reply: 0) == .noMemory { _Post.kill(pid) }
    }
}
