// SPDX-License-Identifier: Apache-2.0
// A call from its caller's side: arm a reply slot, make room, queue the request, wait, take what came. Typed errors are
// made by the layer above; here an outcome is a case.

public import CMartlet

/// What came of a wait on a reply slot.
@usableFromInline
enum _Outcome {
    /// The slot holds a value.
    case value
    case timeout, noProcess, cancelled, overloaded, shutDown, callingSelf
    case exited(_Reason)
    case nameTaken(UInt64)
    /// Room was given: a credit is the waiter's.
    case granted
    /// It would wait for itself: who waits for whom.
    case cycle([UInt64])
}

/// An armed reply slot; its maker owns it until `finish`.
@usableFromInline
@safe
struct _Call: @unchecked Sendable {  // a handle; the core checks every use by its generation
    @usableFromInline let ref: UInt64
    @usableFromInline let pid: UInt64
    @usableFromInline let deadline: UInt64
    /// The process that waits, 0: none.
    @usableFromInline let caller: UInt64
    /// The core runtime whose clock and timers the deadline uses.
    @usableFromInline let core: _Core

    @usableFromInline
    init(ref: UInt64, pid: UInt64, deadline: UInt64, caller: UInt64, core: _Core) {
        (self.ref, self.pid, self.deadline, self.caller, self.core) = (ref, pid, deadline, caller, core)
    }

    /// Arms a slot for a request to a process; `timeout` in nanoseconds, `.max` for ever.
    @inlinable
    static func begin(to pid: UInt64, timeout: UInt64) -> Result<_Call, _Refused> {
        guard let thread = unsafe mt_thread_self() else { return .failure(.overloaded) }
        guard let core = unsafe mt_pid_runtime(pid).map({ unsafe _Core($0) }) else { return .failure(.noProcess) }
        let caller = _CurrentProcess.caller
        let deadline = unsafe mt_call_deadline(thread, core.pointer, _CurrentProcess.limited(timeout, of: caller))
        if caller == pid { return .failure(.callingSelf) }
        let ref = unsafe mt_reply_arm(thread, caller, pid, deadline)
        if ref == 0 { return .failure(.overloaded) }
        return .success(_Call(ref: ref, pid: pid, deadline: deadline, caller: caller, core: core))
    }

    /// Arms a slot that hears of the end of a process; nil: it is over, or there is no memory.
    static func watching(_ pid: UInt64, timeout: UInt64 = .max) -> _Call? {
        guard mt_pid_is_there(pid), let core = unsafe mt_pid_runtime_any(pid), let thread = unsafe mt_thread_self()
        else { return nil }
        let caller = _CurrentProcess.caller
        let deadline = timeout == .max ? .max : unsafe mt_call_deadline(thread, core, timeout)
        let ref = unsafe mt_reply_arm(thread, caller, pid, deadline)
        return ref == 0 ? nil : _Call(ref: ref, pid: pid, deadline: deadline, caller: caller, core: unsafe _Core(core))
    }

    /// Arms a slot that a runtime answers: a start.
    @inlinable
    static func begin(in core: _Core, timeout: UInt64) -> Result<_Call, _Refused> {
        guard let thread = unsafe mt_thread_self() else { return .failure(.overloaded) }
        let caller = _CurrentProcess.caller
        let deadline = unsafe mt_call_deadline(thread, core.pointer, _CurrentProcess.limited(timeout, of: caller))
        let ref = unsafe mt_reply_arm(thread, caller, 0, deadline)
        if ref == 0 { return .failure(.overloaded) }
        return .success(_Call(ref: ref, pid: 0, deadline: deadline, caller: caller, core: core))
    }

    /// Completes the slot from the outside: the task was cancelled.
    ///
    /// Late ones do nothing.
    @usableFromInline
    func cancel() { mt_reply_complete(ref, .cancelled) }

    /// A slot that in-place execution armed.
    @usableFromInline
    init(shared ref: UInt64) {
        let pid = unsafe mt_reply_callee(mt_reply_of(ref))
        let deadline = unsafe mt_reply_own_deadline(mt_reply_of(ref))
        let core = unsafe _Core(mt_pid_runtime_any(pid))
        self.init(ref: ref, pid: pid, deadline: deadline, caller: _CurrentProcess.caller, core: core)
    }

    /// Arms the deadline of a slot that is shared already.
    @inlinable
    func armDeadline() {
        guard deadline != .max, let thread = unsafe mt_thread_self() else { return }
        unsafe mt_deadline_arm(thread, core.pointer, ref, deadline)
    }

    /// A second slot with the same target and deadline.
    func sibling() -> _Call? {
        guard let thread = unsafe mt_thread_self() else { return nil }
        let ref = unsafe mt_reply_arm(thread, caller, pid, deadline)
        return ref == 0 ? nil : _Call(ref: ref, pid: pid, deadline: deadline, caller: caller, core: core)
    }

    /// Gives a slot back that nobody was told of.
    @inlinable
    func discard() {
        guard let thread = unsafe mt_thread_self() else { return }
        unsafe mt_reply_free(thread, ref)
    }

    /// Counts the request as refused by a full mailbox.
    func countRefused<Request>(_: Request.Type) {
        guard let thread = unsafe mt_thread_self() else { return }
        let ops = unsafe mt_payload_ops_of(unsafeBitCast(Request.self, to: UnsafeRawPointer.self))
        unsafe mt_process_count_refused(thread, pid, ops, .full)
    }

    /// Completes the slot: there is nobody to ask.
    func completeNoProcess() { mt_reply_complete(ref, .noProcess) }

    /// Runs a process that was just made, here and now if that can be: what it answers need not be waited for.
    @usableFromInline
    func runHere(_ pid: UInt64) {
        guard let thread = unsafe mt_thread_self() else { return }
        unsafe mt_run_woken(thread, pid)
    }

    // MARK: Queueing

    /// Sends the request; `hasRoom`: a credit was taken for it.
    ///
    /// What goes wrong completes the slot.
    @inlinable
    func queue<Request>(_ request: consuming Request, hasRoom: Bool, _ thread: UnsafeMutablePointer<mt_thread_t>) {
        if deadline != .max { unsafe mt_deadline_arm(thread, core.pointer, ref, deadline) }
        guard let node = unsafe _Node.make(thread, request, kind: .call, reply: ref) else {
            _ = mt_reply_complete(ref, .overloaded)
            return
        }
        let status =
            hasRoom
            ? unsafe mt_process_send_granted(thread, pid, node.pointer)
            : unsafe mt_process_send(thread, pid, node.pointer)
        if _fastPath(status == .ok) { return }
        unsafe notQueued(node, thread, status, hasRoom: hasRoom)
    }

    @usableFromInline
    func notQueued(
        _ node: _Node, _ thread: UnsafeMutablePointer<mt_thread_t>, _ status: mt_status_t, hasRoom: Bool
    ) {
        if status == .displaced { return }
        if hasRoom { mt_room_return(pid) }
        unsafe node.refuse(thread, by: pid, isFull: status == .full)
        _ = mt_reply_complete(ref, status == .full ? .overloaded : .noProcess)
    }

    /// Sends the request and suspends the task until the slot is done; a task that is cancelled already sends nothing.
    @inlinable
    nonisolated(nonsending) func send<Request>(_ request: consuming Request, hasRoom: Bool) async {
        let request = request
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            guard unsafe beginWait(_Waiter(continuation)) else {
                if hasRoom { _Room.giveBack(pid) }
                return
            }
            guard let thread = unsafe mt_thread_self() else {
                _ = mt_reply_complete(ref, .overloaded)
                return
            }
            unsafe queue(request, hasRoom: hasRoom, thread)
        }
    }

    /// Whether a wait may begin without a cancellation handler: the nursery of this worker will nudge it.
    @inlinable var isNudged: Bool {
        guard let thread = unsafe mt_thread_self() else { return false }
        return unsafe mt_deadline_has_nursery(thread, core.pointer)
    }

    /// As `send`, on a worker, without anything that could cancel it; may return before the slot is done: then wait on
    /// with `waitShared`.
    @inlinable @inline(__always)
    nonisolated(nonsending) func sendNudged<Request>(_ request: consuming Request, hasRoom: Bool) async {
        let request = request
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            unsafe mt_reply_set_nudged_waiter(ref, _Waiter(continuation).pointer)
            guard let thread = unsafe mt_thread_self() else {
                _ = mt_reply_complete(ref, .overloaded)
                return
            }
            // Also without a limit: the nursery's nudge.
            if deadline == .max { unsafe mt_deadline_arm(thread, core.pointer, ref, deadline) }
            unsafe queue(request, hasRoom: hasRoom, thread)
        }
    }

    /// As `sendNudged`, for a request that `start` makes; false: it could not be made, and the slot is done.
    @inlinable
    nonisolated(nonsending) func startNudged(_ start: () -> Bool) async {
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            unsafe mt_reply_set_nudged_waiter(ref, _Waiter(continuation).pointer)
            if let thread = unsafe mt_thread_self() { unsafe mt_deadline_arm(thread, core.pointer, ref, deadline) }
            if !start() { _ = mt_reply_complete(ref, .noProcess) }
        }
    }

    /// Suspends the task until the slot is done; `start` is called once with the continuation registered, or not at all
    /// when the task is cancelled already.
    nonisolated(nonsending) func suspend(_ start: () -> Void) async {
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            guard unsafe beginWait(_Waiter(continuation)) else { return }
            guard let thread = unsafe mt_thread_self() else {
                _ = mt_reply_complete(ref, .overloaded)
                return
            }
            if deadline != .max { unsafe mt_deadline_arm(thread, core.pointer, ref, deadline) }
            start()
        }
    }

    /// Registers the continuation; false: a cancellation was first, and the task goes on.
    ///
    /// A CAS, as the task's cancellation handler knows the slot: a plain store would overwrite what it wrote.
    @inlinable
    func beginWait(_ waiter: _Waiter) -> Bool {
        if unsafe mt_reply_wait(ref, waiter.pointer) { return true }
        unsafe waiter.resume()
        return false
    }

    /// Sends the request and blocks the thread until the slot is done.
    @usableFromInline
    func sendBlocking<Request>(_ request: consuming Request, hasRoom: Bool) {
        guard let thread = unsafe mt_thread_self() else { return cancel() }
        unsafe queue(request, hasRoom: hasRoom, thread)
        unsafe waitBlocking(thread)
    }

    /// Blocks the thread until the slot is done.
    func waitBlocking(_ thread: UnsafeMutablePointer<mt_thread_t>) {
        _ = unsafe mt_call_wait_blocking(thread, core.pointer, ref, deadline)
    }

    /// Blocks the thread until the slot is done.
    func waitBlocking() {
        guard let thread = unsafe mt_thread_self() else { return cancel() }
        unsafe waitBlocking(thread)
    }

    /// Waits as a task for a slot that is shared already.
    @usableFromInline
    nonisolated(nonsending) func waitShared() async {
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let waiter = unsafe _Waiter(continuation)
            if unsafe !mt_reply_wait(ref, waiter.pointer) { unsafe waiter.resume() }
        }
    }

    // MARK: Taking

    /// Whether the slot is done.
    @inlinable var isDone: Bool { mt_reply_is_done(ref) }

    /// Takes the reply, and gives the slot back; nil: no reply but an outcome.
    ///
    /// After the slot is done, once.
    @inlinable
    func takeReply<Reply>(_: Reply.Type) -> Reply? {
        // The resume ordered it already; the load says so in a way that every checker of races can see.
        guard mt_reply_is_done(ref), unsafe mt_reply_of(ref).pointee.kind == 0, let thread = unsafe mt_thread_self()
        else { return nil }
        let value = unsafe _ReplyValue.take(Reply.self, from: mt_reply_value(ref))
        if deadline != .max { mt_deadline_cancel(ref) }
        unsafe mt_reply_free(thread, ref)
        return value
    }

    /// The same for a slot that in-place execution armed and may have answered; nil: wait for it.
    @inlinable @inline(__always)
    static func takeReply<Reply>(_: Reply.Type, ifDone ref: UInt64) -> Reply? {
        guard mt_reply_is_done(ref), unsafe mt_reply_of(ref).pointee.kind == 0, let thread = unsafe mt_thread_self()
        else {
            return nil
        }
        let value = unsafe _ReplyValue.take(Reply.self, from: mt_reply_value(ref))
        unsafe mt_reply_free(thread, ref)
        return value
    }

    /// Takes an outcome that is no value, and gives the slot back.
    ///
    /// After the slot is done, once.
    @usableFromInline
    func takeOutcome() -> _Outcome {
        guard mt_reply_is_done(ref) else { return .overloaded }
        let outcome: _Outcome
        switch mt_reply_kind_t(rawValue: unsafe mt_reply_of(ref).pointee.kind) {
        case .value: outcome = .value
        case .timeout: outcome = .timeout
        case .exited:
            let raw = unsafe mt_reply_value(ref).load(as: UnsafeMutableRawPointer.self)
            outcome = .exited(unsafe _Reason.takeRetained(raw))
        case .cancelled: outcome = .cancelled
        case .overloaded: outcome = .overloaded
        case .shutDown: outcome = .shutDown
        case .nameTaken: outcome = .nameTaken(unsafe mt_reply_value(ref).load(as: UInt64.self))
        case .granted: outcome = .granted
        case .cycle: outcome = .cycle(takeCycle())
        default: outcome = .noProcess
        }
        mt_deadline_cancel(ref)
        if let thread = unsafe mt_thread_self() { unsafe mt_reply_free(thread, ref) }
        return outcome
    }
}

/// Why a call did not even begin.
@usableFromInline
enum _Refused: Error {
    case noProcess, callingSelf, overloaded
}

/// Values in reply slots: up to 64 bytes in place, larger ones in a box.
@usableFromInline
enum _ReplyValue {
    @inlinable @inline(__always)
    static func fits<Value>(_: Value.Type) -> Bool {
        MemoryLayout<Value>.size <= 64 && MemoryLayout<Value>.alignment <= 16
    }

    @inlinable @inline(__always)
    static func put<Value>(_ value: consuming Value, at place: UnsafeMutableRawPointer) {
        if fits(Value.self) {
            unsafe place.assumingMemoryBound(to: Value.self).initialize(to: value)
        } else {
            unsafe place.assumingMemoryBound(to: _Box<Value>.self).initialize(to: _Box(value))
        }
    }

    @inlinable @inline(__always)
    static func take<Value>(_: Value.Type, from place: UnsafeMutableRawPointer) -> Value {
        if fits(Value.self) { return unsafe place.assumingMemoryBound(to: Value.self).move() }
        return unsafe place.assumingMemoryBound(to: _Box<Value>.self).move().value
    }
}

/// Answering a call by the handle of its reply slot.
///
/// From any thread.
@usableFromInline
enum _Answer {
    /// Gives the answer; late ones vanish and are counted by the caller's scope ending the value.
    @inlinable @inline(__always)
    static func give<Value>(_ value: consuming Value, to ref: UInt64) {
        let isInPlace = mt_frame_answered(ref)
        guard let reply = unsafe mt_reply_claim(ref) else { return late(ref, Value.self) }
        unsafe _ReplyValue.put(value, at: mt_reply_value(ref))
        if isInPlace { return unsafe mt_reply_finish_in_place(reply, .value) }
        if let waiter = unsafe mt_reply_finish(reply, .value) { unsafe _Waiter(pointer: waiter).resume() }
    }

    /// Keeps the answer until the handler's process has run `terminate`; outside a handler gives it at once.
    @usableFromInline
    static func park<Value>(_ value: consuming Value, for ref: UInt64) {
        guard let thread = unsafe mt_thread_self(), let frame = unsafe thread.pointee.frame, unsafe frame.pointee.is_in,
            _ReplyValue.fits(Value.self), unsafe _Node.holds(Value.self)
        else { return parkBoxed(value, for: ref) }
        guard let node = unsafe _Node.make(thread, value, kind: .call) else { return }
        unsafe mt_frame_park_reply(frame, thread, ref, node.pointer)
    }

    private static func parkBoxed<Value>(_ value: consuming Value, for ref: UInt64) {
        guard let thread = unsafe mt_thread_self(), let frame = unsafe thread.pointee.frame, unsafe frame.pointee.is_in,
            let node = unsafe _Node.make(thread, _Box(value), kind: .call)
        else { return }
        unsafe mt_frame_park_reply(frame, thread, ref, node.pointer)
    }

    /// Whether a handler runs on this thread.
    @usableFromInline static var isInHandler: Bool {
        guard let thread = unsafe mt_thread_self(), let frame = unsafe thread.pointee.frame else { return false }
        return unsafe frame.pointee.is_in
    }

    @usableFromInline
    static func late<Value>(_ ref: UInt64, _: Value.Type) {
        unsafe mt_count_late_reply(ref, mt_payload_ops_of(unsafeBitCast(Value.self, to: UnsafeRawPointer.self)))
    }

    /// Completes a start or a similar slot with the reason that carries its error.
    static func fail(_ ref: UInt64, with reason: _Reason) {
        let pointer = unsafe reason.passRetained()
        _ = unsafe mt_reply_complete_exited(ref, pointer)
        unsafe Unmanaged<_Reason>.fromOpaque(pointer).release()
    }

    /// The pid that asked, 0 if none or no longer known.
    static func caller(of ref: UInt64) -> UInt64 { mt_reply_caller(ref) }

    /// Nanoseconds until its caller gives up, 0 if it has or was answered; nil: no limit.
    static func remaining(of ref: UInt64) -> UInt64? {
        let left = mt_reply_remaining(ref)
        return left == .max ? nil : left
    }
}
