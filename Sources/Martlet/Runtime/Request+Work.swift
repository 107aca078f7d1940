// SPDX-License-Identifier: Apache-2.0
// Requests whose answer is the end of a process that works for it; and waits on a slot that leave it as it is when their
// time is over.

internal import CMartlet
internal import Synchronization

extension _Request {
    /// A request that a new process will answer: pass the slot to its spawn, which fails it when the process ends.
    ///
    /// - Parameter timeout: nanoseconds until the slot says so, `.max`: never, and the request is kept until its owner is
    ///   gone.
    /// - Returns: nil: no memory, or the calling process was killed.
    static func beginWork<Value>(_: Value.Type, timeout: UInt64 = .max) -> (ref: UInt64, call: _Call)? {
        guard let thread = unsafe mt_thread_self() else { return nil }
        let core = Runtime.currentCore
        let caller = _CurrentProcess.caller
        let isPatient = timeout == .max
        let deadline = isPatient ? .max : unsafe _Call.deadline(timeout, in: core, of: caller, thread)
        let reply = unsafe mt_reply_arm(thread, caller, 0, deadline)
        if reply == 0 { return nil }
        let ref = unsafe mt_request_make(
            thread, core.pointer, reply, ending(Value.self), unsafeBitCast(Value.self, to: UnsafeRawPointer.self),
            isPatient ? .patient : .deadline)
        if ref != 0 { return (ref, _Call(ref: reply, pid: 0, deadline: .max, caller: caller, core: core)) }
        unsafe mt_reply_free(thread, reply)
        return nil
    }

    /// A request that is answered already, of nobody.
    static func makeDone<Value>(_ value: consuming Value) -> UInt64? {
        guard let begun = beginWork(Value.self) else { return nil }
        _Answer.give(value, to: begun.call.ref)
        return begun.ref
    }
}

extension _Call {
    /// The instant after a timeout, but not later than the request allows that the caller is busy with.
    fileprivate static func deadline(
        _ timeout: UInt64, in core: _Core, of caller: UInt64, _ thread: UnsafeMutablePointer<mt_thread_t>
    ) -> UInt64 {
        unsafe mt_call_deadline(thread, core.pointer, _CurrentProcess.limited(timeout, of: caller))
    }

    /// The same slot, which times out after so many nanoseconds from now.
    ///
    /// The holder; arm it with `armDeadline`.
    func limited(to timeout: UInt64) -> _Call {
        guard let thread = unsafe mt_thread_self() else { return self }
        let deadline = unsafe Self.deadline(timeout, in: core, of: caller, thread)
        return _Call(ref: ref, pid: pid, deadline: deadline, caller: caller, core: core)
    }

    /// Suspends until the slot is done, the time is over or the task is cancelled, and leaves the slot as it is.
    ///
    /// The holder; at most the time that the request leaves which the caller is busy with.
    ///
    /// - Parameter timeout: nanoseconds; zero only looks.
    /// - Returns: whether it is done.
    nonisolated(nonsending) func wait(atMost timeout: UInt64) async -> Bool {
        let timeout = _CurrentProcess.limited(timeout, of: caller)
        if isDone || timeout == 0 { return isDone }
        let alarm = _Alarm(self)
        let timer = timeout == .max ? 0 : _Timers.once(after: timeout) { alarm.ring() }
        // Without a timer, for want of memory, it does not wait.
        if timer == 0, timeout != .max { return isDone }
        await withTaskCancellationHandler {
            // An alarm of an earlier wait may still be ringing.
            while !isDone, !alarm.isRung {
                unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                    let waiter = unsafe _Waiter(continuation)
                    guard unsafe mt_reply_wait_nudged(ref, waiter.pointer) else { return unsafe waiter.resume() }
                    alarm.wakeIfRung()
                }
            }
        } onCancel: {
            alarm.ring()
        }
        _ = _Timers.cancel(timer)
        return isDone
    }
}

/// Wakes who waits on a slot, to look again; it may ring before the waiter is registered.
private final class _Alarm: Sendable {
    private let call: _Call
    private let hasRung = Atomic(false)

    init(_ call: _Call) { self.call = call }

    func ring() {
        // acquiringAndReleasing: pairs with `wakeIfRung`: whichever of the two comes second sees what the other did.
        _ = hasRung.exchange(true, ordering: .acquiringAndReleasing)
        mt_reply_nudge(call.ref)
    }

    var isRung: Bool { hasRung.load(ordering: .acquiring) }

    /// The waiter, once it is registered.
    func wakeIfRung() {
        // A read-modify-write as well: the load of a flag could pass the registration.
        let (_, hadRung) = hasRung.logicalOr(false, ordering: .acquiringAndReleasing)
        if hadRung { mt_reply_nudge(call.ref) }
    }
}
