// SPDX-License-Identifier: Apache-2.0
// The time seam: an opaque value, so that only this package can make one. Not a Swift `Clock`.

internal import CMartlet

/// Where a runtime takes its time from.
///
/// OTP: `erlang:monotonic_time/0`.
public struct RuntimeClock: Sendable {
    /// CLOCK_MONOTONIC with a tick of 1 ms: never early, unmoved by changes of the wall clock (R22, F11).
    public static let monotonic = RuntimeClock()

    /// The resolution of timers.
    let tick: Duration
    private let source: Source

    /// Who moves it.
    private enum Source {
        case system
        case manual(ManualTime)
        case run(DeterministicRun)
    }

    init(tick: Duration = .milliseconds(1)) {
        self.tick = tick
        source = .system
    }

    /// Time that a test moves; the workers are threads as ever.
    package init(tick: Duration = .milliseconds(1), manual: ManualTime) {
        self.tick = tick
        source = .manual(manual)
    }

    /// Time of a deterministic runtime: one only.
    package init(tick: Duration = .milliseconds(1), run: DeterministicRun) {
        self.tick = tick
        source = .run(run)
    }

    /// What moves the time of a deterministic runtime; nil for others.
    var run: DeterministicRun? {
        if case .run(let run) = source { run } else { nil }
    }

    /// Whether somebody else must move it: waiting for an instant would take for ever.
    package var standsStill: Bool {
        if case .manual = source { true } else { false }
    }

    @unsafe
    var environment: mt_env_t {
        switch source {
        case .system: unsafe mt_env_system_copy()
        case .manual(let time): unsafe time.environment
        case .run(let run): unsafe mt_env_deterministic(run.core)
        }
    }

    /// A runtime was built on it.
    func attach(_ runtime: Runtime) {
        if case .manual(let time) = source { time.attach(runtime) }
    }
}

/// Time that stands still until it is moved.
///
/// Outlives every runtime built on it: its word is never freed.
@safe
package final class ManualTime: Sendable {
    private final class Weak {
        weak var runtime: Runtime?
        init(_ runtime: Runtime) { self.runtime = runtime }
    }

    // The core's own atomic word; all access goes through its functions.
    private nonisolated(unsafe) let word: UnsafeMutablePointer<mt_virtual_clock_t>
    private let attached = _Locked<[Weak]>([])

    /// At 0.
    package init() {
        unsafe word = .allocate(capacity: 1)
        unsafe word.initialize(to: mt_virtual_clock_t())
    }

    /// Nanoseconds since 0.
    package var nanoseconds: UInt64 {
        get { unsafe mt_virtual_clock_now(word) }
        set { unsafe mt_virtual_clock_set(word, newValue) }
    }

    @unsafe
    var environment: mt_env_t { unsafe mt_env_virtual(word) }

    func attach(_ runtime: Runtime) {
        attached.withLock { attached in
            attached.removeAll { $0.runtime == nil }
            attached.append(Weak(runtime))
        }
    }

    /// Those that run on it.
    private var runtimes: [Runtime] {
        attached.withLock { $0.compactMap(\.runtime) }.filter(\.isRunning)
    }

    /// Moves it on, firing timers in order of due time; the handlers of each run to idle.
    ///
    /// Blocks the thread: not from a worker. One caller at a time.
    package func advanceBlocking(byNanoseconds delta: UInt64) {
        let target = nanoseconds + delta
        waitUntilIdleBlocking()
        while let due = runtimes.map(\.nextDue).min(), due <= target {
            nanoseconds = max(due, nanoseconds)
            driveTimers()
        }
        nanoseconds = target
        driveTimers()
    }

    private func driveTimers() {
        for runtime in runtimes { unsafe mt_runtime_drive_timers(runtime.core.pointer) }
        waitUntilIdleBlocking()
    }

    /// Blocks until all its runtimes are idle at once.
    package func waitUntilIdleBlocking() {
        let runtimes = runtimes
        // One that became idle may have been sent to by another since.
        repeat { for runtime in runtimes { runtime.waitUntilIdleBlocking() } } while !runtimes.allSatisfy(\.isIdle)
    }
}

extension Runtime {
    /// Whether it has not been shut down.
    fileprivate var isRunning: Bool { context.held != nil }

    /// When its next timer has to be looked after, in nanoseconds of its clock.
    fileprivate var nextDue: UInt64 { unsafe mt_timers_next_due(mt_runtime_timers(core.pointer)) }

    /// Blocks until every worker sleeps.
    ///
    /// Not from a worker.
    package func waitUntilIdleBlocking() { unsafe mt_runtime_wait_idle(core.pointer) }

    /// Whether every worker sleeps and nothing is queued.
    package var isIdle: Bool { unsafe mt_runtime_is_idle(core.pointer) }
}
