// SPDX-License-Identifier: Apache-2.0
// Whose code runs here: the process of the innermost handler on this thread, else the process that owns the running
// task. A task that a process's code creates is nobody's: it may outlive the process.

public import CMartlet
public import Synchronization

@usableFromInline
enum _CurrentProcess {
    /// Which process a task's code belongs to.
    private struct Owner {
        let pid: UInt64
        let task: Int
        let request: _RunningRequest?
    }

    @TaskLocal private static var owner: Owner?

    /// Whether any task ever owned a process: spares all others the lookup.
    @usableFromInline static let hasTasks = Atomic(false)

    /// Its pid; 0: none.
    @usableFromInline static var pid: UInt64 {
        let ofThread = mt_thread_current_pid()
        return ofThread != 0 ? ofThread : ofTask
    }

    /// The same, as cheap as a caller needs it.
    @inlinable static var caller: UInt64 {
        let ofThread = mt_thread_current_pid()
        return ofThread != 0 || !hasTasks.load(ordering: .relaxed) ? ofThread : ofTask
    }

    /// A timeout, but not more than the request leaves that the running task's process is busy with; nanoseconds.
    ///
    /// Requests of synchronous handlers are known to the core.
    @inlinable
    static func limited(_ timeout: UInt64) -> UInt64 {
        hasTasks.load(ordering: .relaxed) ? min(timeout, leftOfRequest) : timeout
    }

    /// What the request leaves, `.max` without one.
    @usableFromInline static var leftOfRequest: UInt64 {
        guard let owner, let request = owner.request, owner.task == _Threads.currentTaskID else { return .max }
        let ref = request.ref.load(ordering: .relaxed)
        return mt_reply_is_armed(ref) ? mt_reply_remaining(ref) : .max
    }

    /// The process that owns the running task; 0: none.
    @usableFromInline static var ofTask: UInt64 {
        guard hasTasks.load(ordering: .relaxed), let owner, owner.task == _Threads.currentTaskID else { return 0 }
        return owner.pid
    }

    /// Runs `body` as the code of a process that owns the running task; `request` says what it is busy with.
    nonisolated(nonsending) static func with<R>(
        _ pid: UInt64, request: _RunningRequest? = nil, _ body: () async -> R
    ) async -> R {
        hasTasks.store(true, ordering: .relaxed)
        return await $owner.withValue(Owner(pid: pid, task: _Threads.currentTaskID, request: request)) {
            await body()
        }
    }
}

/// The request that a process owned by a task handles, so that calls it makes meanwhile have no more time than that.
///
/// Written by that task, before a handler and after it.
@usableFromInline
final class _RunningRequest: Sendable {
    /// The handle of its reply slot, 0: none.
    @usableFromInline let ref = Atomic<UInt64>(0)

    @usableFromInline
    init() {}
}
