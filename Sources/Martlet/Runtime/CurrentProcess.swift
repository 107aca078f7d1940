// SPDX-License-Identifier: Apache-2.0
// Whose code runs here: the process of the innermost handler on this thread, else the process that owns the running
// task. A task that a process's code creates is nobody's: it may outlive the process.

public import CMartlet

@usableFromInline
enum _CurrentProcess {
    /// Which process a task's code belongs to.
    private struct Owner {
        let pid: UInt64
        /// Carries one process after the other, in place of `pid`.
        var carrier: _Carrier?
        /// Whether the process goes on meanwhile: it does not wait when the task does.
        var isBeside = false
        /// Tells the task from those that it created, which inherit this.
        let task = _Threads.currentTaskID
    }

    @TaskLocal private static var owner: Owner?

    /// Its pid; 0: none.
    @usableFromInline static var pid: UInt64 {
        let ofThread = mt_thread_current_pid()
        return ofThread != 0 ? ofThread : ofTask
    }

    /// The same, as cheap as a caller needs it.
    @inlinable static var caller: UInt64 {
        let ofThread = mt_thread_current_pid()
        return ofThread != 0 || !mt_has_owning_tasks() ? ofThread : ofTask
    }

    /// A timeout, but not more than the request leaves that the caller is busy with; nanoseconds.
    ///
    /// Requests of handlers that run on this thread are known to the core.
    @inlinable
    static func limited(_ timeout: UInt64, of caller: UInt64) -> UInt64 {
        caller == 0 || caller == mt_thread_current_pid() ? timeout : min(timeout, leftOfRequest)
    }

    /// The same where the caller is not asked for otherwise.
    @inlinable
    static func limited(_ timeout: UInt64) -> UInt64 {
        mt_has_owning_tasks() && mt_thread_current_pid() == 0 ? min(timeout, leftOfRequest) : timeout
    }

    /// What the request leaves, `.max` without one.
    @usableFromInline static var leftOfRequest: UInt64 {
        guard let owner, let carrier = owner.carrier, owner.task == _Threads.currentTaskID else { return .max }
        let ref = carrier.slice.runningCall
        return mt_reply_is_armed(ref) ? mt_reply_remaining(ref) : .max
    }

    /// The process that owns the running task; 0: none.
    @usableFromInline static var ofTask: UInt64 {
        guard mt_has_owning_tasks(), let owner, owner.task == _Threads.currentTaskID else { return 0 }
        return owner.carrier?.slice.pid ?? owner.pid
    }

    /// The process that waits when the running task waits; 0: none does.
    @usableFromInline static var waiter: UInt64 {
        guard mt_has_owning_tasks() else { return 0 }
        let carried = mt_thread_carried_pid()
        if carried != 0 { return carried }
        guard let owner, !owner.isBeside else { return 0 }
        return ofTask
    }

    /// The carrier that is the running task.
    static var carrier: _Carrier? {
        guard mt_has_owning_tasks(), let owner, owner.task == _Threads.currentTaskID else { return nil }
        return owner.carrier
    }

    /// Runs `body` as the code of a process that owns the running task.
    nonisolated(nonsending) static func with<R>(_ pid: UInt64, _ body: () async -> R) async -> R {
        await with(Owner(pid: pid), body)
    }

    /// Runs `body` as the code of a process that goes on meanwhile.
    nonisolated(nonsending) static func beside<R>(_ pid: UInt64, _ body: () async -> R) async -> R {
        await with(Owner(pid: pid, isBeside: true), body)
    }

    /// Runs `body` as the code of the processes that the running task carries.
    nonisolated(nonsending) static func with<R>(_ carrier: _Carrier, _ body: () async -> R) async -> R {
        await with(Owner(pid: 0, carrier: carrier), body)
    }

    private nonisolated(nonsending) static func with<R>(_ owner: Owner, _ body: () async -> R) async -> R {
        mt_tasks_note(MT_TASKS_OWN)
        return await $owner.withValue(owner) { await body() }
    }
}
