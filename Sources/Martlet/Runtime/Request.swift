// SPDX-License-Identifier: Apache-2.0
// A request whose answer is taken later: a handle that is held by one taker at a time.

public import CMartlet

@usableFromInline
enum _Request {
    /// What a taker finds.
    enum Hold {
        /// The taker's, until `end` or `putBack`.
        case yours(_Call)
        /// Somebody waits for it, or it is in a collection.
        case others
        case taken, forgotten, over
    }

    /// A request to a process and its armed reply slot, whose deadline the request sees to; nil: no memory.
    @inlinable
    static func begin<Reply, Request>(
        to pid: UInt64, timeout: UInt64, _: Reply.Type, _: Request.Type
    ) -> (ref: UInt64, call: _Call)? {
        guard let thread = unsafe mt_thread_self() else { return nil }
        let core = unsafe pid == 0 ? nil : mt_pid_runtime_any(pid)
        let runtime = unsafe core.map { unsafe _Core($0) } ?? Runtime.currentCore
        let caller = _CurrentProcess.caller
        let deadline = unsafe mt_call_deadline(
            thread, runtime.pointer, _CurrentProcess.limited(timeout, of: caller))
        let reply = unsafe mt_reply_arm(thread, caller, pid, deadline)
        if reply == 0 { return nil }
        // Untimed: the timer is the request's.
        let call = _Call(ref: reply, pid: pid, deadline: .max, caller: caller, core: runtime)
        let ref = unsafe mt_request_make(
            thread, runtime.pointer, reply, ending(Reply.self), unsafeBitCast(Request.self, to: UnsafeRawPointer.self),
            .deadline)
        if ref != 0 { return (ref, call) }
        unsafe mt_reply_free(thread, reply)
        return nil
    }

    /// How the core ends a value that nobody takes.
    @inlinable
    static func ending<Reply>(_: Reply.Type) -> UnsafePointer<mt_payload_ops_t>? {
        let type: Any.Type = _ReplyValue.fits(Reply.self) ? Reply.self : _Box<Reply>.self
        let raw = unsafe unsafeBitCast(type, to: UnsafeRawPointer.self)
        return unsafe UnsafePointer(bitPattern: UInt(bitPattern: raw) | UInt(MT_OPS_TYPE))
    }

    static func hold(_ ref: UInt64) -> Hold {
        switch mt_request_hold(ref) {
        case .yours: .yours(call(of: ref))
        case .others: .others
        case .taken: .taken
        case .forgotten: .forgotten
        case .over: .over
        }
    }

    /// Whether somebody holds it; a hint.
    static func isHeld(_ ref: UInt64) -> Bool { mt_request_is_held(ref) }

    /// The slot of a request that is held.
    static func call(of ref: UInt64) -> _Call { _Call(untimed: mt_request_reply(ref)) }

    /// What was asked, for errors.
    ///
    /// The holder.
    static func type(of ref: UInt64) -> Any.Type {
        guard let type = unsafe mt_request_type(ref) else { return Never.self }
        return unsafe unsafeBitCast(type, to: Any.Type.self)
    }

    static func putBack(_ ref: UInt64) { mt_request_put_back(ref) }

    /// The answer was taken.
    static func end(_ ref: UInt64) {
        guard let thread = unsafe mt_thread_self() else { return }
        unsafe mt_request_end(thread, ref)
    }

    /// The holder waited in vain: later takers find it forgotten.
    static func endForgotten(_ ref: UInt64) {
        guard let thread = unsafe mt_thread_self() else { return }
        unsafe mt_request_end_forgotten(thread, ref)
    }

    /// The process that made it; 0: none, or it is over.
    static func owner(of ref: UInt64) -> UInt64 { mt_request_owner(ref) }

    /// Gives up what the caller holds.
    static func drop(_ ref: UInt64) { mt_request_drop(ref) }

    static func abandon(_ ref: UInt64) { mt_request_abandon(ref) }
}

extension _Call {
    /// A slot whose deadline is somebody else's business.
    init(untimed ref: UInt64) {
        let pid = unsafe mt_reply_callee(mt_reply_of(ref))
        let core = unsafe mt_pid_runtime_any(pid).map { unsafe _Core($0) } ?? Runtime.currentCore
        self.init(ref: ref, pid: pid, deadline: .max, caller: _CurrentProcess.caller, core: core)
    }

    /// Completes the slot: there is no room for the request.
    func completeOverloaded() { mt_reply_complete(ref, .overloaded) }

    /// Sends the request, where it need not wait for room.
    ///
    /// What goes wrong completes the slot.
    @inlinable
    func queueNow<Request>(_ request: () -> Request) {
        guard pid != 0, let thread = unsafe mt_thread_self() else { return completeNoRoom(.noProcess, Request.self) }
        switch _Room.take(pid) {
        case .unbounded: unsafe queue(request(), hasRoom: false, thread)
        case .taken: unsafe queue(request(), hasRoom: true, thread)
        case let room: completeNoRoom(room, Request.self)
        }
    }

    @usableFromInline
    func completeNoRoom<Request>(_ room: _Room, _: Request.Type) {
        if case .noProcess = room { return completeNoProcess() }
        countRefused(Request.self)
        completeOverloaded()
    }
}
