// SPDX-License-Identifier: Apache-2.0
// The restarts of the last while: whether one more is within a budget. Pure: the time is passed in.

/// Counts restarts in a sliding window (OTP: `add_restart` of `supervisor`).
struct RestartWindow {
    let budget: RestartBudget
    /// When the restarts of the window were, oldest first from `first` on.
    private var times: [Duration] = []
    private var first = 0

    init(_ budget: RestartBudget) { self.budget = budget }

    /// Notes a restart; false: it is one too many.
    ///
    /// - Parameter now: monotonic; a restart exactly `within` ago still counts.
    /// - Complexity: amortised O(1); memory of at most `maxRestarts` instants.
    mutating func admit(at now: Duration) -> Bool {
        while first < times.count, now - times[first] > budget.within { first += 1 }
        guard times.count - first < budget.maxRestarts else { return false }
        if first > 32, first * 2 > times.count {
            times.removeFirst(first)
            first = 0
        }
        times.append(now)
        return true
    }
}
