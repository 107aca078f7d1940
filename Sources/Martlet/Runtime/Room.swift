// SPDX-License-Identifier: Apache-2.0
// Room in a bounded mailbox for those who wait: requests, and casts that wait.

public import CMartlet

/// What a sender finds.
@usableFromInline
enum _Room {
    /// The mailbox has no bound.
    case unbounded
    /// One credit is the sender's.
    case taken
    /// Full, and it rejects.
    case refused
    /// Full: wait in line.
    case wait
    case noProcess

    /// Takes room without waiting.
    @inlinable
    static func take(_ pid: UInt64) -> _Room {
        guard let thread = unsafe mt_thread_self() else { return .refused }
        switch unsafe mt_room_take(thread, pid) {
        case .unbounded: return .unbounded
        case .taken: return .taken
        case .refused: return .refused
        case .wait: return .wait
        case .noProcess: return .noProcess
        }
    }

    /// Puts back a credit that was not used.
    @usableFromInline
    static func giveBack(_ pid: UInt64) { mt_room_return(pid) }

    /// Whether the mailbox of a process has a bound.
    static func isBounded(_ pid: UInt64) -> Bool {
        switch take(pid) {
        case .unbounded, .noProcess: return false
        case .taken: giveBack(pid)
        case .refused, .wait: break
        }
        return true
    }

    /// Suspends until room came, first come first served; the call's deadline and `cancel` end it.
    @usableFromInline
    nonisolated(nonsending) static func wait(_ call: _Call) async -> _Outcome {
        guard call.mayWait() else { return call.takeOutcome() }
        let waiter = UnsafeMutablePointer<mt_credit_waiter_t>.allocate(capacity: 1)
        unsafe waiter.initialize(to: mt_credit_waiter_t())
        unsafe waiter.pointee.reply = call.ref
        await call.suspend { unsafe mt_room_wait(call.pid, waiter) }
        unsafe mt_room_leave(call.pid, waiter)
        unsafe waiter.deallocate()
        return call.takeOutcome()
    }

    /// Blocks until room came.
    @usableFromInline
    static func waitBlocking(_ call: _Call) -> _Outcome {
        guard call.mayBlock() else { return call.takeOutcome() }
        guard let thread = unsafe mt_thread_self() else { return .overloaded }
        var waiter = unsafe mt_credit_waiter_t()
        unsafe waiter.reply = call.ref
        unsafe withUnsafeMutablePointer(to: &waiter) { waiter in
            if call.deadline != .max { unsafe mt_deadline_arm(thread, call.core.pointer, call.ref, call.deadline) }
            unsafe mt_room_wait(call.pid, waiter)
            unsafe call.waitBlocking(thread)
            unsafe mt_room_leave(call.pid, waiter)
        }
        return call.takeOutcome()
    }

    /// Sends a message whose room was taken.
    ///
    /// False: no process; the room went back.
    @usableFromInline
    static func sendGranted<Value>(_ value: consuming Value, kind: _Kind, to pid: UInt64) -> Bool {
        guard let thread = unsafe mt_thread_self(), let node = unsafe _Node.make(thread, value, kind: kind) else {
            mt_room_return(pid)
            return false
        }
        if unsafe mt_process_send_granted(thread, pid, node.pointer) == .ok { return true }
        mt_room_return(pid)
        unsafe node.refuse(thread, by: pid, isFull: false)
        return false
    }
}
