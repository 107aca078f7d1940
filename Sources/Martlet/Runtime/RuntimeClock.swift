// SPDX-License-Identifier: Apache-2.0
// The time seam: an opaque value, so that only this package can make one. Not a Swift `Clock`.

internal import CMartlet

/// Where a runtime takes its time from.
public struct RuntimeClock: Sendable {
    /// CLOCK_MONOTONIC with a tick of 1 ms: never early, unmoved by changes of the wall clock (R22, F11).
    public static let monotonic = RuntimeClock()

    /// The resolution of timers.
    let tick: Duration
    /// A clock that somebody moves; nil: the system's.
    let manual: ManualTime?

    package init(tick: Duration = .milliseconds(1), manual: ManualTime? = nil) {
        self.tick = tick
        self.manual = manual
    }

    @unsafe
    var environment: mt_env_t {
        if let manual { return unsafe manual.environment }
        return unsafe mt_env_system_copy()
    }
}

/// Time that stands still until it is moved.
///
/// Outlives every runtime built on it: its word is never freed.
@safe
package final class ManualTime: Sendable {
    // The core's own atomic word; all access goes through its functions.
    private nonisolated(unsafe) let word: UnsafeMutablePointer<mt_virtual_clock_t>

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
}

extension Runtime {
    /// Moves a manual clock on, firing timers in order of due time; the handlers of each run to idle.
    ///
    /// Blocks the thread: not from a worker.
    package func advanceBlocking(_ time: ManualTime, byNanoseconds delta: UInt64) {
        let target = time.nanoseconds + delta
        unsafe mt_runtime_wait_idle(core.pointer)
        while true {
            let due = unsafe mt_timers_next_due(mt_runtime_timers(core.pointer))
            guard due <= target else { break }
            time.nanoseconds = max(due, time.nanoseconds)
            unsafe mt_runtime_drive_timers(core.pointer)
            unsafe mt_runtime_wait_idle(core.pointer)
        }
        time.nanoseconds = target
        unsafe mt_runtime_drive_timers(core.pointer)
        unsafe mt_runtime_wait_idle(core.pointer)
    }

    /// Blocks until every worker sleeps.
    ///
    /// Not from a worker.
    package func waitUntilIdleBlocking() { unsafe mt_runtime_wait_idle(core.pointer) }

    /// Whether every worker sleeps and nothing is queued.
    package var isIdle: Bool { unsafe mt_runtime_is_idle(core.pointer) }
}
