// SPDX-License-Identifier: Apache-2.0
// A process that works for one value, and the value to come: what tasks are made of. Not a server's request: the answer
// is what the process makes, or how it ended.
//
//     start --spawn--> process: work() --value--> request --take, wait--> owner
//                         '--- ends otherwise: exited(reason) ---^
//
// The value lies in a reply slot (ADR 0007): it never enters the owner's mailbox, and whoever is second, the value or the
// end of the process, finds the slot answered.

/// A process that works for a `Value`.
struct Work<Value: Sendable>: Hashable, Sendable, BitwiseCopyable {
    let pid: Pid
    /// The handle of the request; 0: there is none.
    let request: UInt64

    /// What can come of it.
    enum Outcome {
        case value(Value)
        /// Not yet; who asked with `look` or `end` may ask again.
        case nothing
        case timeout, cancelled, notOwner, wouldBlockPool
        case exited(ExitReason)
        case cycle([Pid])
    }

    // MARK: Beginning

    /// Whose the new process is.
    struct Ties {
        /// Linked with it from the start.
        var owner: Pid?
        /// The same, and counts as its parent.
        var supervisor: Pid?

        fileprivate var spec: _SpawnRequest {
            var spec = _SpawnRequest()
            spec.parent = supervisor?.raw ?? 0
            return (owner ?? supervisor).map { spec.tied(by: .link, to: $0) } ?? spec
        }
    }

    /// Starts `body` in a process of its own on the current runtime.
    ///
    /// A process that was killed starts nothing: the work is over, with `.noProcess`.
    ///
    /// - Parameters:
    ///   - ties: whom the process is linked with.
    ///   - timeout: nanoseconds until the request is over, whatever the process does; `.max`: never.
    ///   - body: the work.
    /// - Returns: a failure when there is no room for a process, or the runtime is shut down.
    static func start(
        _ ties: Ties, timeout: UInt64 = .max, _ body: sending @escaping () async throws -> Value
    ) -> Result<Work, _SpawnFailure> {
        guard let begun = _Request.beginWork(Value.self, timeout: timeout) else {
            return .success(Work(pid: .none, request: 0))
        }
        let reply = begun.call.ref
        let launched = RawProcess.launch(ties.spec, reply: reply) { (_: inout Mailbox<Never>) in
            _Answer.give(try await body(), to: reply)
        }
        switch launched {
        case .success(let process):
            let pid = process.ref.pid
            // A supervisor that has ended could not end it.
            if let supervisor = ties.supervisor, ties.owner != nil,
                _Tie.link(supervisor.raw, with: pid.raw) != .tied
            {
                pid.kill()
            }
            return .success(Work(pid: pid, request: begun.ref))
        case .failure(let failure):
            _Request.abandon(begun.ref)
            if case .killed = failure { return .success(Work(pid: .none, request: 0)) }
            return .failure(failure)
        }
    }

    /// Starts `body` under a supervisor for its effects: there is no request, and nobody takes a value.
    ///
    /// - Returns: as `start`.
    static func startForEffects(
        under supervisor: Pid, _ body: @escaping @Sendable () async throws -> Void
    ) -> Result<Work, _SpawnFailure> where Value == Void {
        switch RawProcess.launch(Ties(supervisor: supervisor).spec, { (_: inout Mailbox<Never>) in try await body() }) {
        case .success(let process): .success(Work(pid: process.ref.pid, request: 0))
        case .failure(.killed): .success(Work(pid: .none, request: 0))
        case .failure(let failure): .failure(failure)
        }
    }

    /// Runs `body` in a process linked with nobody, and `finish` with its outcome in a task of its own, which outlives the
    /// current process.
    ///
    /// - Returns: the process, `Pid.none` when the current one was killed; a failure when there is no room.
    static func run(
        _ body: sending @escaping () async throws -> Value, finish: @escaping @Sendable (Outcome) -> Void
    ) -> Result<Pid, _SpawnFailure> {
        guard case .success(let call) = _Call.begin(in: Runtime.currentCore, timeout: .max) else {
            return .failure(.systemLimit)
        }
        let reply = call.ref
        let launched = RawProcess.launch(_SpawnRequest(), reply: reply) { (_: inout Mailbox<Never>) in
            _Answer.give(try await body(), to: reply)
        }
        switch launched {
        case .success(let process):
            Task(executorPreference: Runtime.current.executor) {
                await call.waitShared()
                finish(outcome(of: call))
            }
            return .success(process.ref.pid)
        case .failure(let failure):
            call.discard()
            if case .killed = failure { return .success(.none) }
            return .failure(failure)
        }
    }

    /// A value that is there already, of no process.
    static func done(_ value: Value) -> Work { Work(pid: .none, request: _Request.makeDone(value) ?? 0) }

    // MARK: Taking

    /// What a taker finds.
    private enum Hold {
        /// The caller's, until `finish` or `_Request.putBack`.
        case yours(_Call)
        case over(Outcome)
        case taken, others
    }

    /// Whether the value is the current code's: started in the same process, or in none.
    private var isOwned: Bool {
        let owner = _Request.owner(of: request)
        return owner == 0 || owner == _CurrentProcess.pid
    }

    private func hold() -> Hold {
        guard isOwned else { return .over(.notOwner) }
        switch _Request.hold(request) {
        case .yours(let call): return .yours(call)
        case .taken: return .taken
        case .others: return .others
        case .forgotten: return .over(.timeout)
        case .over: return .over(.exited(.noProcess))
        }
    }

    /// The right to take the value; traps where it was taken, or somebody waits for it.
    private func claim(_ file: StaticString, _ line: UInt) -> Hold {
        let hold = hold()
        switch hold {
        case .taken:
            preconditionFailure(
                "expected a task whose value was not taken, got one taken before", file: file, line: line)
        case .others:
            preconditionFailure("expected a task that nobody waits for, got one waited for", file: file, line: line)
        default: return hold
        }
    }

    /// The outcome of a slot that is done and held; the request is over with it.
    private func finish(_ call: _Call) -> Outcome {
        let outcome = Self.outcome(of: call)
        switch outcome {
        // Not taken: who asks again hears that it is too late.
        case .timeout, .cancelled, .cycle: _Request.endForgotten(request)
        default: _Request.end(request)
        }
        return outcome
    }

    /// The outcome of a slot that is done, once.
    private static func outcome(of call: _Call) -> Outcome {
        if let value = call.takeReply(Value.self) { return .value(value) }
        switch call.takeOutcome() {
        case .exited(let reason): return .exited(ExitReason(reason))
        case .timeout: return .timeout
        case .cancelled: return .cancelled
        case .cycle(let pids): return .cycle(pids.map { Pid(raw: $0) })
        default: return .exited(.noProcess)
        }
    }

    /// Waits for the outcome; the value is given up when it does not come within `timeout`.
    nonisolated(nonsending) func take(within timeout: Duration?, _ file: StaticString, _ line: UInt) async -> Outcome {
        switch claim(file, line) {
        case .yours(let held):
            let call = held.limited(to: timeout?._unsignedNanoseconds ?? .max)
            if !call.isDone, call.mayWait() {
                call.armDeadline()
                await withTaskCancellationHandler {
                    await call.waitShared()
                } onCancel: {
                    call.cancel()
                }
            }
            return finish(call)
        case .over(let outcome): return outcome
        default: return .exited(.noProcess)
        }
    }

    /// The same, blocking the thread.
    func takeBlocking(within timeout: Duration?, _ file: StaticString, _ line: UInt) -> Outcome {
        switch claim(file, line) {
        case .yours(let held):
            let call = held.limited(to: timeout?._unsignedNanoseconds ?? .max)
            if !call.isDone {
                if _Threads.isOnSwiftPool {
                    _Request.putBack(request)
                    return .wouldBlockPool
                }
                if call.mayBlock() {
                    call.armDeadline()
                    call.waitBlocking()
                }
            }
            return finish(call)
        case .over(let outcome): return outcome
        default: return .exited(.noProcess)
        }
    }

    /// The outcome if it comes within `timeout`; else `nothing`, or `cancelled`, and it can be asked for again.
    nonisolated(nonsending) func look(within timeout: Duration, _ file: StaticString, _ line: UInt) async -> Outcome {
        switch claim(file, line) {
        case .yours(let call):
            if await call.wait(atMost: timeout._unsignedNanoseconds) { return finish(call) }
            _Request.putBack(request)
            return Task.isCancelled ? .cancelled : .nothing
        case .over(let outcome): return outcome
        default: return .exited(.noProcess)
        }
    }

    // MARK: Ending

    /// Ends the process and takes what it had made before; `nothing` when it had made nothing, or it was taken.
    ///
    /// - Parameter grace: how long the process may take after exit `.shutdown` before it is killed; nil: killed at once.
    nonisolated(nonsending) func end(grace: Duration?) async -> Outcome {
        let hold = hold()
        if case .over(.notOwner) = hold { return .notOwner }
        guard case .yours(let call) = hold else {
            leave()
            if let grace {
                pid.exit(.shutdown)
                if await pid.waitForExit(within: grace) { return .nothing }
            }
            pid.kill()
            _ = await pid.waitForExit(within: nil)
            return .nothing
        }
        if !call.isDone {
            leave()
            if let grace {
                pid.exit(.shutdown)
                _ = await call.wait(atMost: grace._unsignedNanoseconds)
            }
            if !call.isDone {
                pid.kill()
                await call.waitShared()
            }
        }
        switch finish(call) {
        case .exited(.shutdown), .exited(.killed): return .nothing
        case let outcome: return outcome
        }
    }

    /// The process goes on without its owner, and what it makes vanishes.
    ///
    /// Nothing happens in another process than the owner.
    func forget() {
        guard isOwned else { return }
        leave()
        if request != 0 { _Request.abandon(request) }
    }

    /// Whatever becomes of the process, the current one is not told by a link.
    private func leave() {
        if Pid.current != nil { pid.unlink() }
    }
}

extension Work {
    /// The value to come, for collections.
    ///
    /// Not the owner's any more: whoever has it may take it.
    var reply: PendingReply<Value> { PendingReply(raw: request) }
}
