// SPDX-License-Identifier: Apache-2.0
// Raw processes: the manual loops of the guide. Prefer a GenServer: it has replies, timeouts and a life cycle.

/// Starts a process that runs `body` on the current runtime (`spawn/1`).
///
/// Returning ends it with `.normal`; throwing with `.error`, or with the reason of an ``ExitSignal``. A message sent to the
/// returned reference at once is not lost: it waits until the body receives.
///
/// Traps when the runtime has been shut down or its process slots are used up: a raw start has nobody to tell. Effects of
/// the body (sends, timers) are not fenced off after a kill, as those of a server's handlers are; `receive` throws, and a
/// body that waits for anything else has its task cancelled.
///
/// - Parameters:
///   - message: what it receives; inferred from the body.
///   - mailbox: the bound of its mailbox; by default none.
///   - file: where a trap is reported; the caller's by default.
///   - line: where a trap is reported; the caller's by default.
///   - body: the process; it runs on the runtime's workers and may suspend.
/// - Returns: where to send to.
@discardableResult
public func spawn<Message: Sendable>(
    _ message: Message.Type = Message.self, mailbox: MailboxPolicy = .unbounded,
    file: StaticString = #fileID, line: UInt = #line,
    _ body: sending @escaping (inout Mailbox<Message>) async throws -> Void
) -> ProcessRef<Message> {
    RawProcess.spawn(_SpawnRequest(mailbox), file, line, body).ref
}

/// `spawn`, linked with the current process in one step (`spawn_link/1`).
///
/// Traps outside a process, and as `spawn` does.
///
/// - Parameters:
///   - message: what it receives; inferred from the body.
///   - mailbox: the bound of its mailbox; by default none.
///   - file: where a trap is reported; the caller's by default.
///   - line: where a trap is reported; the caller's by default.
///   - body: the process.
/// - Returns: where to send to.
@discardableResult
public func spawnLink<Message: Sendable>(
    _ message: Message.Type = Message.self, mailbox: MailboxPolicy = .unbounded,
    file: StaticString = #fileID, line: UInt = #line,
    _ body: sending @escaping (inout Mailbox<Message>) async throws -> Void
) -> ProcessRef<Message> {
    let request = _SpawnRequest(mailbox).tied(by: .link, to: Pid.ofCaller("spawnLink", file, line))
    return RawProcess.spawn(request, file, line, body).ref
}

/// `spawn`, monitored by the current process in one step (`spawn_monitor/1`).
///
/// Traps outside a process, and as `spawn` does.
///
/// - Parameters:
///   - message: what it receives; inferred from the body.
///   - mailbox: the bound of its mailbox; by default none.
///   - file: where a trap is reported; the caller's by default.
///   - line: where a trap is reported; the caller's by default.
///   - body: the process.
/// - Returns: where to send to, and the monitor whose `Info.down` will come.
public func spawnMonitor<Message: Sendable>(
    _ message: Message.Type = Message.self, mailbox: MailboxPolicy = .unbounded,
    file: StaticString = #fileID, line: UInt = #line,
    _ body: sending @escaping (inout Mailbox<Message>) async throws -> Void
) -> (ProcessRef<Message>, MonitorRef) {
    let request = _SpawnRequest(mailbox).tied(by: .monitor, to: Pid.ofCaller("spawnMonitor", file, line))
    let (ref, monitor) = RawProcess.spawn(request, file, line, body)
    return (ref, monitor)
}

/// Makes the running Swift task a process for the scope of `body`: it can receive.
///
/// With nothing to receive, pass `Never.self`. Returning ends the process with `.normal`, throwing as in `spawn`. Traps
/// inside a process.
///
/// Cancelling the task tells the process to end: it still receives what was sent before, then `receive` throws an
/// ``ExitSignal`` with the reason `.shutdownWith(CancellationError())`, also in a receive that waits. Like every
/// cancellation it takes nothing away: the process lives until the body returns or throws.
///
/// - Parameters:
///   - message: what it receives.
///   - file: where a trap is reported; the caller's by default.
///   - line: where a trap is reported; the caller's by default.
///   - body: what to run as a process.
/// - Returns: what the body returns.
/// - Throws: what the body throws; ``StartError`` when there is no room for a process.
public nonisolated(nonsending) func withProcess<Message: Sendable, R>(
    receiving message: Message.Type, file: StaticString = #fileID, line: UInt = #line,
    _ body: (inout Mailbox<Message>) async throws -> R
) async throws -> R {
    precondition(Pid.current == nil, "expected a task that is no process, got a process", file: file, line: line)
    let runtime = Runtime.current
    let adopted = _Once<_TaskProcess>()
    let gate = _Gate()
    let start = RawProcess.Start { process in
        adopted.put(process)
        gate.open()
    }
    switch _Spawning.spawn(
        RawProcess.processClass(Message.self), start, _SpawnRequest(), in: runtime.core, reply: 0)
    {
    case .success: break
    case .failure(.shutDown): throw StartError.shutDown
    case .failure(.systemLimit): throw StartError.systemLimit
    case .failure(.killed): throw StartError.exited(.killed)
    }
    await gate.wait()
    guard let process = adopted.take() else { throw StartError.systemLimit }
    let pid = process.pid
    return try await withTaskCancellationHandler {
        try await RawProcess.run(process, message, body).get()
    } onCancel: {
        RawProcess.cancel(pid)
    }
}

extension _SpawnRequest {
    /// The same, tied to its starter before it begins.
    @usableFromInline
    func tied(by ties: _StartTies, to starter: Pid) -> _SpawnRequest {
        var tied = self
        (tied.ties, tied.starter) = (ties, starter.raw)
        return tied
    }

    /// With the bound of a policy.
    @usableFromInline
    init(_ mailbox: MailboxPolicy) {
        self.init()
        capacity = mailbox.capacity ?? 0
        highWater = mailbox.highWater ?? 0
        policy =
            switch mailbox._overflow {
            case nil: 0
            case .reject: 1
            case .dropNewest: 2
            case .dropOldest: 3
            }
    }
}
