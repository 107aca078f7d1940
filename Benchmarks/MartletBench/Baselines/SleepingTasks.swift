// SPDX-License-Identifier: Apache-2.0
// Timers of Swift concurrency: a task that sleeps, and is cancelled.

import MartletBenchCore

final class SleepingTasks: TimerTarget {
    private let log: LatenessLog
    private let ended: Latch

    init(_ log: LatenessLog, expected: Int) {
        self.log = log
        ended = Latch(expected)
    }

    func arm(deadline: UInt64) -> Task<Void, Never> {
        Task { [log, ended] in
            let now = MonotonicClock.now()
            if deadline > now { try? await Task.sleep(nanoseconds: deadline - now) }
            if !Task.isCancelled { log.fired(deadline: deadline) }
            ended.arrive()
        }
    }

    func cancel(_ handle: Task<Void, Never>) {
        handle.cancel()
    }

    /// `arm` only makes the task, `cancel` only marks it: both are done when the task has ended.
    func settle() async {
        await ended.wait()
    }

    func finish() {}
}
