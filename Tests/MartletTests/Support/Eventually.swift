// SPDX-License-Identifier: Apache-2.0
// Polling, for conditions that nobody can signal. Not for time to pass: that is the clock's business.

import Testing

/// Waits until `condition` holds; fails after `limit` of real time.
func eventually(
    within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async {
    let deadline = ContinuousClock.now + limit
    while await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("the condition did not hold within \(limit)", sourceLocation: sourceLocation)
            return
        }
        await Task.yield()
    }
}
