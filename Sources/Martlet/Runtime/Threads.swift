// SPDX-License-Identifier: Apache-2.0
// On whose thread this runs.

internal import CMartlet

@usableFromInline
enum _Threads {
    /// Tells the running task from others alive, 0 outside one.
    static var currentTaskID: Int { unsafe withUnsafeCurrentTask { unsafe $0?.hashValue ?? 0 } }

    /// Whether blocking here would take a thread away from Swift's own pool: inside a task, on a thread that is neither a
    /// worker nor the main thread.
    @usableFromInline static var isOnSwiftPool: Bool {
        guard unsafe mt_runtime_current() == nil, mt_thread_is_main() == false else { return false }
        return unsafe withUnsafeCurrentTask { unsafe $0 != nil }
    }
}
