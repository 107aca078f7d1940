// SPDX-License-Identifier: Apache-2.0
// A call that would wait for itself: who is about to wait says so, before the request is sent. A caller that is no process
// says nothing.

public import CMartlet

extension _Call {
    /// The thread is about to block until the slot is done.
    ///
    /// False: it would wait for itself, and the slot is done: send nothing.
    @inlinable
    func mayBlock() -> Bool { caller == 0 || announceThread() }

    /// The task is about to suspend until the slot is done.
    ///
    /// False: as above.
    @inlinable
    func mayWait() -> Bool { caller == 0 || announceTask() }

    @usableFromInline
    func announceThread() -> Bool {
        guard let thread = unsafe mt_thread_self() else { return true }
        return unsafe mt_cycle_enter(thread, _CurrentProcess.waiter, ref)
    }

    /// A handler on this thread goes on: what suspends is a task, and a process waits only if it owns that.
    @usableFromInline
    func announceTask() -> Bool {
        let owner = _CurrentProcess.waiter
        return owner == 0 || mt_cycle_enter_task(owner, ref)
    }

    /// Who waits for a start; it says so before the new process runs, which is told if it asks back.
    @inlinable
    func waits(isBlocking: Bool) -> mt_waits_t { caller == 0 ? .nobody : isBlocking ? .thread : .task }

    /// The path of a slot that is done with a cycle, the caller first; empty: there was no memory for it.
    func takeCycle() -> [UInt64] {
        guard let cycle = unsafe mt_cycle_take(ref) else { return [] }
        defer { unsafe mt_cycle_free(cycle) }
        return (0..<(unsafe cycle.pointee.count)).map { unsafe mt_cycle_pid(cycle, $0) }
    }
}
