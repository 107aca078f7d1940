// SPDX-License-Identifier: Apache-2.0
// The scheduler, timers and name table that processes run on. Not a process, and not global state: `shared` is one of
// many.

public import CMartlet

/// A set of workers with a timer wheel and a name table.
///
/// Processes, names and counters belong to one runtime; pids are unique over all. A runtime runs until
/// `shutdown(deadline:)`, also when nobody holds a reference to it any more.
///
/// After `fork` without `exec` a child must not use any runtime: its threads exist in the parent only. Using one stops the
/// child with a message that says so.
///
/// OTP: the runtime system, of which a program may have several here.
///
/// When not to use: a second one to keep parts of a program apart; that is what supervisors are for. Further runtimes are for
/// tests, and for work whose threads must be its own.
@safe
public final class Runtime: Sendable {
    /// The runtime used when no other is current.
    ///
    /// Started at first use with the default configuration; never shut down implicitly.
    public static let shared = Runtime()

    @TaskLocal static var taskCurrent: Runtime?

    /// The core's runtime.
    ///
    /// Valid for ever: the core never frees it.
    @usableFromInline let core: _Core
    let context: _RuntimeContext
    /// What it was built with.
    let configuration: Configuration
    /// The shutdown under way or done: the task of the first one, whose report all get.
    let shutdownTask = _Locked<(any Sendable)?>(nil)

    /// Starts a runtime with its worker threads and one monitor thread.
    ///
    /// Traps, naming the caller's file and line in a debug build, when the configuration is out of range or the system
    /// refuses the threads or the memory: a program cannot go on without its runtime.
    ///
    /// - Parameters:
    ///   - configuration: workers, budgets, limits and clock; the defaults suit a server.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public init(
        _ configuration: Configuration = Configuration(), file: StaticString = #fileID, line: UInt = #line
    ) {
        _Hooks.installed
        mt_throw_site_install()
        if configuration.trapBreadcrumb { mt_breadcrumb_install() }
        configuration.check(file: file, line: line)
        let context = _RuntimeContext(crashReportLevel: configuration.crashReportLevel)
        var core: OpaquePointer?
        var config = unsafe configuration.coreConfig(context: context.immortalPointer())
        let status = unsafe mt_runtime_start(&config, &core)
        guard let core = unsafe core else {
            preconditionFailure("the system refused the runtime (status \(status.rawValue))", file: file, line: line)
        }
        self.core = unsafe _Core(core)
        self.context = context
        self.configuration = configuration
        unsafe context.executor.connect(core)
        context.hold(self)
        configuration.clock.attach(self)
    }

    deinit { unsafe mt_runtime_release(core.pointer) }

    /// The runtime of the running process, else of ``withCurrent(_:)``, else ``shared``.
    ///
    /// Names resolve in it and `start` uses it.
    ///
    /// - Complexity: O(1): a thread-local load on a worker, a task-local lookup elsewhere.
    public static var current: Runtime { coreOfHandler.flatMap(of) ?? taskCurrent ?? ofThread ?? shared }

    /// The runtime whose worker this thread is.
    static var ofThread: Runtime? { coreOfThread.flatMap(of) }

    private static var coreOfThread: _Core? {
        guard let core = unsafe mt_runtime_current() else { return nil }
        return unsafe _Core(core)
    }

    /// Of the process whose handler runs on this thread.
    private static var coreOfHandler: _Core? {
        mt_thread_current_pid() == 0 ? _CurrentProcess.carrier?.core : coreOfThread
    }

    /// The runtime of a core; nil once it has ended.
    private static func of(_ core: _Core) -> Runtime? {
        guard let pointer = unsafe mt_runtime_context(core.pointer) else { return nil }
        return unsafe _RuntimeContext.borrow(pointer).held
    }

    /// The runtime that a process is of; nil once the runtime has ended.
    static func of(_ pid: UInt64) -> Runtime? {
        guard let core = unsafe mt_pid_runtime_any(pid) else { return nil }
        return of(unsafe _Core(core))
    }

    /// The core runtime that names resolve in and starts use; as ``current``, without counting references.
    @inlinable @inline(__always)
    static var currentCore: _Core {
        // Only if there ever was such a task: spares all others the look.
        let seen = mt_tasks_seen()
        if let core = unsafe mt_runtime_current(), seen & MT_TASKS_RUNTIME == 0 { return unsafe _Core(core) }
        return seen & (MT_TASKS_RUNTIME | MT_TASKS_CARRY) == 0 ? sharedCore : currentOfTask
    }

    @usableFromInline static let sharedCore = shared.core
    @usableFromInline static var currentOfTask: _Core {
        coreOfHandler ?? taskCurrent?.core ?? coreOfThread ?? sharedCore
    }

    /// Makes this runtime ``current`` for the body and for the tasks it creates.
    ///
    /// - Parameter body: what to run; where it runs is not changed.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws.
    public nonisolated(nonsending) func withCurrent<R, E: Error>(
        _ body: () async throws(E) -> R
    ) async throws(E) -> R {
        mt_tasks_note(MT_TASKS_RUNTIME)
        let result: Result<R, E> = await Self.$taskCurrent.withValue(self) {
            do throws(E) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Runs `body`, which blocks its thread, while another worker takes over the queue.
    ///
    /// Outside a worker it only runs `body`; so it does when `Configuration.spareWorkersMax` threads stand in already.
    ///
    /// - Parameter body: file access, a lock, a library that waits.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws.
    public static func blocking<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        guard let thread = unsafe mt_thread_self(), unsafe mt_block_begin(thread) else { return try body() }
        defer { unsafe mt_block_end(thread) }
        return try body()
    }

    /// A copy of all counters.
    ///
    /// Lock-free for the processes; consistent only when the runtime is quiescent (F8).
    public var statistics: RuntimeStatistics {
        var raw = mt_statistics_t()
        unsafe mt_runtime_statistics(core.pointer, &raw)
        var result = RuntimeStatistics()
        (result.sent, result.handled) = (raw.sent, raw.handled)
        (result.refused, result.discarded) = (raw.refused, raw.discarded)
        (result.spawns, result.exits) = (raw.spawns, raw.exits)
        (result.steals, result.parks) = (raw.steals, raw.parks)
        (result.processes, result.timers) = (Int(raw.processes), Int(raw.timers))
        result.timerLag = .nanoseconds(Int64(clamping: raw.timer_lag_ns))
        return result
    }

    /// Messages not delivered, by the core's number of their cause.
    var deadLetterCountsByNumber: [UInt64] {
        var raw = mt_statistics_t()
        unsafe mt_runtime_statistics(core.pointer, &raw)
        let dead = raw.dead_letters
        return [dead.0, dead.1, dead.2, dead.3, dead.4]
    }
}
