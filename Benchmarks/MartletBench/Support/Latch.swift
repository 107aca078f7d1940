// SPDX-License-Identifier: Apache-2.0
// Opens when a number of arrivals have happened; remembers when. What ends the clock of a run.

import Dispatch
import MartletBenchCore
import Synchronization

/// Counts arrivals down to zero.
///
/// One waiter.
final class Latch: Sendable {
    private struct State {
        var missing: Int
        var openedAt: UInt64 = 0
        var waiter: CheckedContinuation<UInt64, Never>?
    }

    private let state: Mutex<State>

    init(_ arrivals: Int) {
        state = Mutex(State(missing: arrivals, openedAt: arrivals == 0 ? MonotonicClock.now() : 0))
    }

    /// One arrival, from any thread.
    ///
    /// The last one opens the latch.
    func arrive() {
        let (waiter, openedAt) = state.withLock { state -> (CheckedContinuation<UInt64, Never>?, UInt64) in
            state.missing -= 1
            if state.missing == 0 { state.openedAt = MonotonicClock.now() }
            return state.missing == 0 ? (state.waiter.take(), state.openedAt) : (nil, 0)
        }
        waiter?.resume(returning: openedAt)
    }

    /// Waits until it is open.
    ///
    /// Returns when that was, on the monotonic clock.
    @discardableResult
    func wait() async -> UInt64 {
        await withCheckedContinuation { continuation in
            let openedAt = state.withLock { state -> UInt64? in
                if state.missing <= 0 { return state.openedAt }
                state.waiter = continuation
                return nil
            }
            if let openedAt { continuation.resume(returning: openedAt) }
        }
    }

    /// How many arrivals are missing; negative when there were too many.
    var missing: Int { state.withLock { $0.missing } }
}
