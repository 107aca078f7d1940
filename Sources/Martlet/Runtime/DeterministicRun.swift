// SPDX-License-Identifier: Apache-2.0
// The runs of one deterministic runtime: its seed, its time, its trace. What a test sees of it is MartletTestKit.

internal import CMartlet
internal import Glibc

/// Chooses what a runtime runs next, from a seed.
///
/// Give it to the clock of one runtime. Immortal, as the core's own struct is.
@safe
package final class DeterministicRun: Sendable {
    /// Why a run cannot go on.
    package enum Stuck: Sendable {
        /// Nothing is runnable and no timer is armed.
        case deadlock
        /// It has taken more steps than any test can mean.
        case endless
    }

    /// What is to go wrong; 0 is never.
    package struct Faults: Sendable {
        package var throwAt = 0
        package var killEvery = 0
        package var delayEvery = 0
        package var delayMax = Duration.zero
        package var overflowEvery = 0

        package init() {}
    }

    /// Hears that a run cannot go on, between two steps.
    ///
    /// With `isLast` it must not return.
    package typealias StuckHandler = @Sendable (_ why: Stuck, _ isLast: Bool) -> Void

    /// The core's struct; used by the thread that runs the runtime, but for the functions that say otherwise.
    nonisolated(unsafe) let core: OpaquePointer
    private let handlers: Handlers
    /// Those of every run: the core's structs lead to them, in memory that no leak checker looks into.
    private static let immortal = _Locked<[Handlers]>([])

    private final class Handlers: Sendable {
        let stuck = _Locked<StuckHandler?>(nil)
        /// Makes the object that a server takes for a throw.
        let thrown: @Sendable () -> AnyObject

        init(thrown: @escaping @Sendable () -> AnyObject) { self.thrown = thrown }
    }

    /// Nil: out of memory.
    ///
    /// - Parameter thrown: makes what a server's engine takes for a throw of its handler.
    package init?(thrown: @escaping @Sendable () -> AnyObject) {
        handlers = Handlers(thrown: thrown)
        var ops = unsafe mt_deterministic_ops_t()
        unsafe ops.context = Unmanaged.passUnretained(handlers).toOpaque()
        Self.immortal.withLock { [handlers] in $0.append(handlers) }
        unsafe ops.stuck = { context, why, isLast in
            guard let context = unsafe context else { return }
            let handlers = unsafe Unmanaged<Handlers>.fromOpaque(context).takeUnretainedValue()
            let handler = handlers.stuck.withLock { $0 }
            handler?(why == .deadlock ? .deadlock : .endless, isLast)
        }
        unsafe ops.thrown = { context in
            guard let context = unsafe context else { return nil }
            let handlers = unsafe Unmanaged<Handlers>.fromOpaque(context).takeUnretainedValue()
            return unsafe Unmanaged.passRetained(handlers.thrown()).toOpaque()
        }
        guard let core = unsafe mt_deterministic_create(&ops) else { return nil }
        unsafe self.core = unsafe core
    }

    // MARK: In a job of the runtime

    /// Begins a run at time 0.
    ///
    /// False: out of memory.
    package func begin(seed: UInt64, _ faults: Faults, stuck: @escaping StuckHandler) -> Bool {
        handlers.stuck.withLock { $0 = stuck }
        var raw = mt_faults_t()
        raw.throw_at = UInt64(max(0, faults.throwAt))
        raw.kill_every = UInt64(max(0, faults.killEvery))
        raw.delay_every = UInt64(max(0, faults.delayEvery))
        raw.delay_max_ns = faults.delayMax._unsignedNanoseconds
        raw.overflow_every = UInt64(max(0, faults.overflowEvery))
        return unsafe mt_deterministic_begin(core, seed, &raw) == .ok
    }

    /// Ends the run.
    package func end() {
        unsafe mt_deterministic_end(core)
        handlers.stuck.withLock { $0 = nil }
    }

    /// Nothing goes wrong on purpose any more.
    package func stopFaults() { unsafe mt_deterministic_stop_faults(core) }

    /// Lets go on who waits for an instant, without time passing; how many there were.
    package func releaseWaiters() -> Int { unsafe Int(mt_deterministic_release_waiters(core)) }

    /// Waits until nothing can run unless time passes beyond an instant; time moves up to it.
    package nonisolated(nonsending) func waitIdle(until nanoseconds: UInt64) async {
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let waiter = unsafe _Waiter(continuation)
            // Without memory it goes on at once: a test that needs the wait fails.
            if unsafe !mt_deterministic_wait_idle(core, nanoseconds, waiter.pointer) { unsafe waiter.resume() }
        }
    }

    /// Ends the messages that dead processes still hold.
    package func drainDead() { unsafe mt_deterministic_drain_dead(core) }

    /// Nanoseconds since the run began.
    ///
    /// Any thread.
    package var now: UInt64 { unsafe mt_deterministic_now(core) }

    /// A hash over what ran, and when.
    package var trace: UInt64 { unsafe mt_deterministic_trace(core) }

    /// How many steps the run has taken.
    package var steps: UInt64 { unsafe mt_deterministic_steps(core) }

    /// The live processes, in the order of their starts.
    package var pids: [UInt64] {
        final class List {
            var pids: [UInt64] = []
        }
        let list = List()
        unsafe mt_deterministic_for_each(
            core,
            { list, pid in
                guard let list = unsafe list else { return }
                unsafe Unmanaged<List>.fromOpaque(list).takeUnretainedValue().pids.append(pid)
            }, Unmanaged.passUnretained(list).toOpaque())
        return withExtendedLifetime(list) { list.pids }
    }

    /// Calls and waits that are not over: whom they ask, and which process asks, 0 for none.
    package var waits: [(callee: UInt64, caller: UInt64)] {
        final class List {
            var waits: [(callee: UInt64, caller: UInt64)] = []
        }
        let list = List()
        unsafe mt_deterministic_for_each_wait(
            core,
            { list, callee, caller in
                guard let list = unsafe list else { return }
                unsafe Unmanaged<List>.fromOpaque(list).takeUnretainedValue().waits.append((callee, caller))
            }, Unmanaged.passUnretained(list).toOpaque())
        return withExtendedLifetime(list) { list.waits }
    }

    /// Lets what jobs of runs put on Swift's global executor happen in the run: `Task {}`, `Task.yield`.
    ///
    /// False: somebody else has the hook.
    package static func serveGlobalJobs() -> Bool { mt_global_executor_serve_runs() }
}

extension Runtime {
    /// What chooses here; nil for an ordinary runtime.
    package var deterministicRun: DeterministicRun? { configuration.clock.run }

    /// Whether time passes by itself, or as soon as nothing can run.
    package var timePasses: Bool { !configuration.clock.standsStill }

    /// Whether somebody has shut it down, or is about to.
    package var isShutDown: Bool { shutdownTask.withLock { $0 != nil } }

    /// Whether the calling thread is one of its own.
    package var isHere: Bool { Runtime.ofThread === self }
}

/// A wait with a limit that somebody can end; in the time of the runtime that is current when it is made.
package struct TimedWait: Sendable {
    private let call: _Call

    /// Nil: out of memory.
    ///
    /// - Parameter limit: nil waits for ever.
    package init?(limit: Duration?) {
        let limit = limit?._unsignedNanoseconds ?? .max
        guard case .success(let call) = _Call.begin(in: Runtime.current.core, timeout: limit) else { return nil }
        self.call = call
    }

    /// How a wait ended.
    package enum End: Sendable {
        case woken, timeout, cancelled
    }

    /// Waits, once.
    package nonisolated(nonsending) func wait() async -> End {
        await withTaskCancellationHandler {
            await call.suspend {}
        } onCancel: {
            call.cancel()
        }
        switch call.takeOutcome() {
        case .timeout: return .timeout
        case .cancelled: return .cancelled
        default: return .woken
        }
    }

    /// Ends the wait; does nothing when it is over.
    package func wake() { call.completeNoProcess() }

    /// Gives it back; nobody waited or will.
    package func discard() { call.discard() }
}

/// Runs `body` as a child task where the caller runs, so that it can be cancelled by itself.
///
/// - Parameters:
///   - executor: the one that the caller prefers: the two tasks never run at the same time.
///   - handle: is given what cancels the child, before the body runs. Valid while it runs.
///   - body: what to run.
/// - Returns: what the body returns.
/// - Throws: what the body throws.
package nonisolated(nonsending) func asChildTask<R>(
    on executor: any TaskExecutor, _ handle: @escaping @Sendable (TaskHandle) -> Void,
    _ body: @escaping () async throws -> R
) async throws -> R {
    // One of the two tasks waits while the other runs.
    nonisolated(unsafe) let body = body
    let result = _Once<Result<R, any Error>>()
    await withTaskGroup(of: Void.self) { group in
        group.addTask(executorPreference: executor) {
            unsafe withUnsafeCurrentTask { task in
                if let task = unsafe task { handle(unsafe TaskHandle(task)) }
            }
            do { result.put(.success(try await unsafe body())) } catch { result.put(.failure(error)) }
        }
    }
    guard let taken = result.take() else { throw CancellationError() }
    return try taken.get()
}

/// A task that is alive for as long as its maker says.
@safe
package struct TaskHandle: @unchecked Sendable {  // cancelling is allowed from anywhere while the task lives
    private let task: UnsafeCurrentTask

    fileprivate init(_ task: UnsafeCurrentTask) { unsafe self.task = unsafe task }

    /// Cancels it.
    package func cancel() { unsafe task.cancel() }
}

/// A number in the environment of the OS process; nil: none.
package func environmentNumber(_ variable: String) -> UInt64? {
    guard let text = unsafe getenv(variable) else { return nil }
    return UInt64(unsafe String(cString: text))
}

/// Blocking work on a thread of its own, while the task waits.
package nonisolated(nonsending) func onOwnThread(_ body: @escaping @Sendable () -> Void) async {
    await _OwnThread.run(body)
}
