// SPDX-License-Identifier: Apache-2.0
// Whose code runs here: the process of the innermost handler on this thread, else the process that owns the running
// task. A task that a process's code creates is nobody's: it may outlive the process.

internal import CMartlet

@usableFromInline
enum _CurrentProcess {
    /// Which process a task's code belongs to.
    private struct Owner {
        let pid: UInt64
        let task: Int
    }

    @TaskLocal private static var owner: Owner?

    /// Its pid; 0: none.
    @usableFromInline static var pid: UInt64 {
        let ofThread = mt_thread_current_pid()
        return ofThread != 0 ? ofThread : ofTask
    }

    /// The process that owns the running task; 0: none.
    static var ofTask: UInt64 {
        guard let owner, owner.task == _Threads.currentTaskID else { return 0 }
        return owner.pid
    }

    /// Runs `body` as the code of a process that owns the running task.
    nonisolated(nonsending) static func with<R>(_ pid: UInt64, _ body: () async -> R) async -> R {
        await $owner.withValue(Owner(pid: pid, task: _Threads.currentTaskID)) { await body() }
    }
}
