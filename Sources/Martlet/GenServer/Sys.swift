// SPDX-License-Identifier: Apache-2.0
// Looking into a running process (OTP sys), and stopping it for a while.

/// Debugging and administration of one process: of a server of type `S` when that is known, of any with `Never`.
///
/// Commands reach the process ahead of its mailbox, behind at most one message, and work while it is suspended; they wait
/// for the callback that is running (R21). Between two messages the process performs them in the order of sending.
///
/// Every function fails as a call does: with `noProcess`, `exited`, `callingSelf`, `cycle`, `cancelled`, `overloaded` when
/// memory is out, and with `timeout` when ``timeout`` is over, or at once at a process that does not answer: a raw process
/// that did not ask for it (`Mailbox.answersSystemMessages`). What nobody waits for any more when the process comes to it is
/// not performed.
///
/// OTP: `sys`.
///
/// When not to use: for what clients need to know. That is a call; this is for operators, tools and tests.
public struct Sys<S: ~Copyable>: Sendable {
    let pid: Pid

    /// How long to wait for an answer; 5 s by default, nil for ever.
    public var timeout: Duration? = .seconds(5)

    init(_ pid: Pid) { self.pid = pid }

    /// Handles nothing but `sys`, `stop`, its parent's exit signal and those that end it until `resume` (`sys:suspend/1`).
    ///
    /// Messages wait, in order and with their room in a bounded mailbox; so do trapped exit signals, DOWN and idle timeouts.
    /// Calls wait as long as their callers do. Idempotent.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func suspend() async throws(CallError) { try await setSuspended(true) }

    /// Ends `suspend`: what waits is handled in the order it came (`sys:resume/1`).
    ///
    /// Idempotent.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func resume() async throws(CallError) { try await setSuspended(false) }

    /// What it is and does, and its state as `formatStatus` shows it (`sys:get_status/1`).
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func status() async throws(CallError) -> ServerStatus {
        try await ask { reply in
            _SystemCommand(show: { slice, state in
                guard let process = ProcessStatus(of: Pid(raw: slice.pid)) else { return slice.refuse() }
                _Answer.give(ServerStatus(process: process, state: state, isSuspended: slice.isSuspended), to: reply)
            })
        }
    }

    /// Counts since `collectStatistics(true)`; nil while off (`sys:statistics/2`).
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func statistics() async throws(CallError) -> ServerStatistics? {
        try await debug { debug, _ in debug.statistics }
    }

    /// Turns counting on, or off, which forgets the counts.
    ///
    /// - Parameter on: whether to count.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func collectStatistics(_ on: Bool) async throws(CallError) {
        try await debug { debug, slice in debug.collect(on, slice) }
    }

    /// Keeps the last events (`sys:log/2`).
    ///
    /// - Parameter count: how many; 0 turns it off.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func keepLog(_ count: Int) async throws(CallError) {
        try await debug { debug, _ in debug.keepLog(count) }
    }

    /// The kept events, oldest first; empty while off.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func log() async throws(CallError) -> [SysEvent] {
        try await debug { debug, _ in debug.log }
    }

    /// Calls `sink` in the server, after each message, with what happened in it (`sys:trace/2`, `sys:install/2`).
    ///
    /// While a sink is installed no call is handled in place. A message whose callback threw is not told; an idle timeout is
    /// an `info`.
    ///
    /// - Parameters:
    ///   - name: what removes it; one of that name is replaced.
    ///   - sink: takes one event; when it throws it is removed. It holds the server up while it runs.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func install(
        _ name: String, _ sink: @escaping @Sendable (SysEvent) throws -> Void
    ) async throws(CallError) {
        try await debug { debug, _ in debug.install(name, sink) }
    }

    /// Removes an installed sink (`sys:remove/2`).
    ///
    /// - Parameter name: the one it was installed with.
    /// - Returns: false if there is none of that name.
    /// - Throws: ``CallError``.
    @discardableResult
    public nonisolated(nonsending) func remove(_ name: String) async throws(CallError) -> Bool {
        try await debug { debug, _ in debug.remove(name) }
    }

    // MARK: Asking

    private nonisolated(nonsending) func setSuspended(_ isSuspended: Bool) async throws(CallError) {
        let isDone: Bool = try await ask { reply in
            _SystemCommand(own: { slice in _Answer.give(to: reply) { slice.suspend(isSuspended) } })
        }
        if !isDone { throw CallError(reason: .overloaded, target: pid, request: "sys") }
    }

    private nonisolated(nonsending) func debug<R: Sendable>(
        _ body: @escaping @Sendable (_ServerDebug, _Slice) -> R
    ) async throws(CallError) -> R {
        try await ask { reply in
            _SystemCommand(ofServer: _DebugCommand { debug, slice in _Answer.give(to: reply) { body(debug, slice) } })
        }
    }

    /// Sends the command and waits for its answer.
    nonisolated(nonsending) func ask<R: Sendable>(
        _ command: (_ reply: UInt64) -> _SystemCommand, as _: R.Type = R.self
    ) async throws(CallError) -> R {
        let call: _Call
        switch _Call.begin(to: pid.raw, timeout: timeout?._unsignedNanoseconds ?? .max) {
        case .success(let begun): call = begun
        case .failure(let refused): throw _CallFailure.error(refused, pid.raw, request: Sys<Never>.self)
        }
        let message = command(call.ref)
        if call.mayWait() {
            await withTaskCancellationHandler {
                await call.suspend {
                    switch _Post.command(message, to: call.pid, reply: call.ref) {
                    case .queued: break
                    case .noMemory: call.completeOverloaded()
                    default: call.completeNoProcess()
                    }
                }
            } onCancel: {
                call.cancel()
            }
        }
        if let reply = call.takeReply(R.self) { return reply }
        throw _CallFailure.error(call.takeOutcome(), pid.raw, request: Sys<Never>.self)
    }
}

extension Pid {
    /// Debugging and administration without the type of the server: for tools, and for raw processes that answer system
    /// messages (`Mailbox.answersSystemMessages`).
    public var sys: Sys<Never> { Sys(self) }
}

extension ServerRef where S: ~Copyable {
    /// Debugging and administration of the running server (OTP `sys`).
    public var sys: Sys<S> { Sys(pid) }
}
