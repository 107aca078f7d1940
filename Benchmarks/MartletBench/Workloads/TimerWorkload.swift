// SPDX-License-Identifier: Apache-2.0
// `timer`: many timers armed and cancelled (the timeouts that never happen), and many that fire (how late).
//
// Deadlines of the ones that fire are spread evenly, in random order, 10 us apart, and begin when all of them can have
// been armed. Runs in a process of its own: some variants leave cancelled timers in a heap until their time.

import MartletBenchCore
import Synchronization

/// Something that arms timers.
///
/// Used from one thread.
protocol TimerTarget: Sendable {
    associatedtype Handle
    /// Arms a timer which calls `log.fired(deadline:)` at `deadline`, in nanoseconds on the monotonic clock.
    func arm(deadline: UInt64) -> Handle
    /// Cancels a timer that has not fired.
    func cancel(_ handle: Handle)
    /// Returns when everything that `arm` and `cancel` began is done; on the clock.
    func settle() async throws
    /// Ends what the target runs on.
    func finish() async throws
}

/// When timers fired.
final class LatenessLog: Sendable {
    private struct State {
        var lateness: [UInt64] = []
        var early = 0
    }

    private let state = Mutex(State())
    private let allFired: Latch

    init(expected: Int) {
        allFired = Latch(expected)
        state.withLock { $0.lateness.reserveCapacity(expected) }
    }

    /// Called by the timer, from any thread.
    func fired(deadline: UInt64) {
        let now = MonotonicClock.now()
        state.withLock { state in
            if now < deadline { state.early += 1 }
            state.lateness.append(now < deadline ? 0 : now - deadline)
        }
        allFired.arrive()
    }

    /// Waits for all that are expected.
    ///
    /// How late each was, and how many were early.
    func wait() async -> (lateness: [UInt64], early: Int, end: UInt64) {
        let end = await allFired.wait()
        return state.withLock { ($0.lateness, $0.early, end) }
    }

    var count: Int { state.withLock { $0.lateness.count } }
}

enum TimerWorkload {
    /// Deadlines of timers that are cancelled: far enough not to come.
    private static let never: UInt64 = 600_000_000_000
    /// Between the deadlines of two timers that fire.
    private static let spacing: UInt64 = 10_000
    /// Time to arm one, before the first deadline: twice what the slowest variant takes, which must not count as
    /// lateness.
    private static let armingTime: UInt64 = 20_000

    /// All are armed, then all cancelled.
    static func driveCancel<Target: TimerTarget>(
        _ run: Run, make: @Sendable (LatenessLog) async throws -> Target
    ) async throws -> Outcome {
        let log = LatenessLog(expected: 1)
        let target = try await make(log)
        let finished = try await Clients.threads(1) { _ in armAndCancel(target, run.operations) }
        try await target.settle()
        let end = MonotonicClock.now()
        try await target.finish()
        try WrongResult.unless(log.count, is: 0, "cancelled timers that fired")
        let armed = finished.values.reduce(0, max)
        let count = Double(run.operations)
        return Outcome(
            operations: run.operations, nanoseconds: end - finished.start,
            extra: [
                "arm_ns": Double(armed - finished.start) / count, "cancel_ns": Double(end - armed) / count,
            ])
    }

    /// All are armed and fire.
    static func driveFire<Target: TimerTarget>(
        _ run: Run, make: @Sendable (LatenessLog) async throws -> Target
    ) async throws -> Outcome {
        let log = LatenessLog(expected: run.operations)
        let target = try await make(log)
        let lead = max(armingTime * UInt64(run.operations), 100_000_000)
        let finished = try await Clients.threads(1) { _ in arm(target, run.operations, lead) }
        let (lateness, early, end) = await log.wait()
        try await target.finish()
        try WrongResult.unless(lateness.count, is: run.operations, "timers fired")
        let mean = lateness.reduce(0.0) { $0 + Double($1) } / Double(max(lateness.count, 1))
        let armedAt = finished.values.reduce(0, max)
        return Outcome(
            operations: run.operations, nanoseconds: end - finished.start, latencies: lateness, figure: mean,
            extra: [
                "early": Double(early), "worst_ns": Double(lateness.max() ?? 0),
                "arm_ns": Double(armedAt - finished.start) / Double(run.operations),
            ])
    }

    /// Returns when the last was armed.
    private static func armAndCancel<Target: TimerTarget>(_ target: Target, _ count: Int) -> UInt64 {
        var handles: [Target.Handle] = []
        handles.reserveCapacity(count)
        let deadline = MonotonicClock.now() + never
        for index in 0..<count { handles.append(target.arm(deadline: deadline + UInt64(index) * 1000)) }
        let armed = MonotonicClock.now()
        for handle in handles { target.cancel(handle) }
        return armed
    }

    /// Returns when the last was armed.
    private static func arm<Target: TimerTarget>(_ target: Target, _ count: Int, _ lead: UInt64) -> UInt64 {
        let first = MonotonicClock.now() + lead
        var handles: [Target.Handle] = []
        handles.reserveCapacity(count)
        for index in (0..<count).shuffled() {
            handles.append(target.arm(deadline: first + UInt64(index) * spacing))
        }
        return MonotonicClock.now()
    }
}
