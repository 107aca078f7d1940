// SPDX-License-Identifier: Apache-2.0
// Time that a test moves.

public import Martlet

/// A clock that stands still until a test moves it.
///
/// Within ``withTestRuntime(seed:faults:_:)`` it belongs to that runtime, and time also moves by itself: to the next
/// timer, whenever nothing can run. A clock that you make is for a runtime of threads: give its ``clock`` to
/// `Runtime.Configuration`, and nothing but ``advance(by:)`` moves it.
public final class VirtualClock: Sendable {
    private enum Source {
        case threads(ManualTime)
        case run(DeterministicRun)
    }

    private let source: Source
    /// For `Runtime.Configuration.clock`.
    ///
    /// Runtimes may share a clock, but for the one of a test runtime, which is taken.
    public let clock: RuntimeClock

    /// A clock at 0.
    public convenience init() { self.init(tick: .milliseconds(1)) }

    /// A clock at 0 with timers of another resolution.
    ///
    /// - Parameter tick: what delays are rounded up to, above 0.
    public init(tick: Duration) {
        let time = ManualTime()
        source = .threads(time)
        clock = RuntimeClock(tick: tick, manual: time)
    }

    init(_ run: DeterministicRun) {
        source = .run(run)
        clock = RuntimeClock(run: run)
    }

    /// Time since 0.
    public var now: Duration {
        switch source {
        case .threads(let time): .nanoseconds(time.nanoseconds)
        case .run(let run): .nanoseconds(run.now)
        }
    }

    /// Moves on, firing timers in order of due time; what they start runs to idle at each.
    ///
    /// Returns when everything due until then has happened and nothing can run.
    ///
    /// - Parameter duration: how far; zero or negative only lets everything run. The clock ends 584 years after 0.
    public nonisolated(nonsending) func advance(by duration: Duration) async {
        let (sum, isTooFar) = now._unsignedNanoseconds.addingReportingOverflow(duration._unsignedNanoseconds)
        // Not the core's word for never.
        let target = isTooFar ? .max - 1 : min(sum, .max - 1)
        switch source {
        case .threads(let time):
            await onOwnThread { time.advanceBlocking(byNanoseconds: target - time.nanoseconds) }
        case .run(let run): await run.waitIdle(until: target)
        }
    }

    /// Lets everything run until nothing can without time passing.
    public nonisolated(nonsending) func runUntilIdle() async {
        switch source {
        case .threads(let time): await onOwnThread { time.waitUntilIdleBlocking() }
        case .run(let run): await run.waitIdle(until: run.now)
        }
    }

    /// Waits in the time of the current runtime.
    ///
    /// What `Task.sleep` is for real time. In a test runtime it costs nothing: time jumps.
    ///
    /// - Parameter duration: how long; rounded up to the tick, never early.
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    public nonisolated(nonsending) func sleep(for duration: Duration) async throws(CancellationError) {
        guard let wait = TimedWait(limit: duration) else { return }
        if case .cancelled = await wait.wait() { throw CancellationError() }
    }
}
