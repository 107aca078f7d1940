// SPDX-License-Identifier: Apache-2.0
// Swift tasks on Martlet's workers.

internal import CMartlet

extension Runtime {
    /// Runs Swift tasks on the workers: `Task(executorPreference: runtime.executor)`.
    ///
    /// A call from such a task needs no thread hop. After the runtime's shutdown its tasks go on, on Swift's own pool.
    public var executor: any TaskExecutor { context.executor }

    /// Makes this runtime run every Swift task of the OS process that has no executor of its own.
    ///
    /// Opt-in, once, before the first task. There is no way back; after the runtime's shutdown Swift's own pool takes
    /// the tasks again.
    ///
    /// - Returns: false if another runtime or library already took the hook.
    @discardableResult
    public func installAsGlobalExecutor() -> Bool { unsafe mt_global_executor_install(core.pointer) }
}
