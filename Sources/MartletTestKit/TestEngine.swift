// SPDX-License-Identifier: Apache-2.0
// One deterministic runtime, used for one run after the other: starting a runtime costs more than most runs.

internal import Martlet

/// A runtime with what a test wants to know of it.
///
/// Between runs it waits in a pool.
final class TestEngine: Sendable {
    let run: DeterministicRun
    let runtime: Runtime
    let clock: VirtualClock
    let crashes = CrashList()
    private let stuck = _Locked<TestRuntimeError?>(nil)
    /// Runs the body of the run under way.
    private let task = _Locked<TaskHandle?>(nil)

    /// Engines that wait for a run: as many as tests ran at once, but no more than this, since each keeps a thread.
    private static let idleMax = 16
    private static let idle = _Locked<[TestEngine]>([])
    /// Installed once; false if another library has Swift's hook, and then `Task {}` and `Task.yield` leave the run.
    private static let servesGlobalJobs = DeterministicRun.serveGlobalJobs()
    /// Virtual time that leftover timers are given at the end of a run.
    private static let graceAfterRun = Duration.seconds(60)

    private init() {
        _ = Self.servesGlobalJobs
        guard let run = DeterministicRun(thrown: { InjectedThrow.of(InjectedFault()) }) else {
            preconditionFailure("expected memory for a test runtime, got none")
        }
        self.run = run
        clock = VirtualClock(run)
        var configuration = Runtime.Configuration()
        configuration.clock = clock.clock
        runtime = Runtime(configuration)
        let crashes = crashes
        _CrashLog.divert(runtime) { reason, server, pid in
            crashes.add(Crash(pid: pid, server: server, reason: reason))
        }
    }

    /// One that nobody uses.
    static func obtain() -> TestEngine { idle.withLock { $0.popLast() } ?? TestEngine() }

    /// After its last run, off its thread.
    func giveBack(isReusable: Bool) {
        // Not kept for the next run: the errors in it may hold much, and a leak checker does not see who holds them.
        crashes.clear()
        let isKept =
            isReusable && !runtime.isShutDown
            && Self.idle.withLock { idle in
                if idle.count >= Self.idleMax { return false }
                idle.append(self)
                return true
            }
        if isKept { return }
        _CrashLog.divert(runtime, to: nil)
        Task.detached { [runtime] in await runtime.shutdown(deadline: .zero) }
    }

    // MARK: One run

    /// Runs `body` as one run, stops what it left running, and throws when something is left even then.
    ///
    /// On the runtime's executor.
    nonisolated(nonsending) func perform<R>(
        seed: UInt64, faults: FaultPlan, _ body: @escaping (TestRuntime) async throws -> R
    ) async throws -> R {
        precondition(
            runtime.isHere, "expected a test that belongs to no actor, got one whose code runs outside the test runtime"
        )
        stuck.withLock { $0 = nil }
        crashes.clear()
        let began = run.begin(seed: seed, faults.faults) { [unowned self] why, isLast in
            isStuck(why, isLast: isLast, seed: seed)
        }
        precondition(began, "expected memory for a test run, got none")
        let test = TestRuntime(runtime: runtime, clock: clock, seed: seed, engine: self)
        let result: Result<R, any Error>
        // A child: what cancels it leaves the test's own task alone.
        do {
            let value = try await asChildTask(on: runtime.executor) { [task] handle in
                task.withLock { $0 = handle }
            } _: { [runtime] in
                try await runtime.withCurrent { try await body(test) }
            }
            result = .success(value)
        } catch {
            result = .failure(error)
        }
        task.withLock { $0 = nil }
        let left = await stopAll()
        run.end()
        if let error = stuck.withLock({ $0 }) { throw error }
        let value = try result.get()
        if !left.isEmpty { throw TestRuntimeError(kind: .leftBehind, seed: seed, details: left) }
        return value
    }

    /// Stops every process, kills who stays, and says what is left then.
    private nonisolated(nonsending) func stopAll() async -> [String] {
        guard runtime.isHere, !runtime.isShutDown else { return [] }
        run.stopFaults()
        for pid in run.pids { Pid(core: pid).askToStop() }
        await clock.runUntilIdle()
        for pid in run.pids { Pid(core: pid).kill() }
        // A task of the body that still waits for the clock would wait for ever.
        let waiting = run.releaseWaiters()
        await clock.runUntilIdle()
        if runtime.statistics.timers > 0 { await clock.advance(by: Self.graceAfterRun) }
        let left = whatIsLeft(timers: false, probes: true)
        return waiting == 0 ? left : left + ["\(waiting) tasks that wait for the clock"]
    }

    // MARK: Looking

    var processes: [Pid] { run.pids.map { Pid(core: $0) } }

    /// What is left, in words.
    func whatIsLeft(timers countsTimers: Bool = true, probes countsProbes: Bool = false) -> [String] {
        run.drainDead()
        let processes = processes.filter { countsProbes || !Probes.contains($0) }
        var left = processes.map { Self.describe($0) }
        let statistics = runtime.statistics
        if countsTimers, statistics.timers > 0 {
            left.append(statistics.timers == 1 ? "1 timer" : "\(statistics.timers) timers")
        }
        left += waits { Pid(core: $0).isAlive && !countsProbes && Probes.contains(Pid(core: $0)) }
        let over = statistics.handled + statistics.refused + statistics.discarded
        if statistics.sent > over { left.append("\(statistics.sent - over) messages that nobody has handled") }
        if statistics.sent < over { left.append("\(over - statistics.sent) messages more than were sent") }
        return left
    }

    /// Calls that are not over, in words.
    private func waits(except isExempt: (UInt64) -> Bool = { _ in false }) -> [String] {
        run.waits.filter { !isExempt($0.callee) }.map { wait in
            let caller = wait.caller == 0 ? "a task" : Self.describe(Pid(core: wait.caller))
            return "\(caller) waits for \(Self.describe(Pid(core: wait.callee)))"
        }
    }

    private static func describe(_ pid: Pid) -> String {
        guard let status = pid.status else { return "process \(pid), which has ended" }
        let name = status.name.map { " \"\($0)\"" } ?? ""
        let label = status.label.map { " (\($0))" } ?? ""
        let queued = status.mailboxCount > 0 ? ", \(status.mailboxCount) queued" : ""
        let ties = named("linked with", status.links) + named("watches", pid.watched)
        return "process \(pid) \(status.type)\(name)\(label) (\(status.activity)\(queued)\(ties))"
    }

    /// The first few of the processes at the other ends of ties, and how many there are beyond.
    private static func named(_ relation: String, _ peers: [Pid]) -> String {
        if peers.isEmpty { return "" }
        let shown = peers.prefix(3).map { "\($0)" }.joined(separator: ", ")
        return ", \(relation) \(shown)" + (peers.count > 3 ? " and \(peers.count - 3) more" : "")
    }

    // MARK: Standing still

    /// Between two steps: nothing can run, or it runs for ever.
    private func isStuck(_ why: DeterministicRun.Stuck, isLast: Bool, seed: UInt64) {
        var details = waits()
        if details.isEmpty {
            details = [
                "the test's body waits for what no process, task or timer of the runtime will do, perhaps `Task.sleep`"
            ]
        }
        details += processes.filter { !Probes.contains($0) }.map { Self.describe($0) }
        let error = TestRuntimeError(
            kind: why == .deadlock ? .deadlock : .endless, seed: seed, details: details)
        // Cancelled, and it still waits: its caller can neither go on nor be told.
        precondition(!isLast, error.description)
        stuck.withLock { $0 = error }
        task.withLock { $0 }?.cancel()
    }
}
