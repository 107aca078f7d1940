// SPDX-License-Identifier: Apache-2.0
// The counters as values.

import Testing

@testable import Martlet

@Suite("RuntimeStatistics")
struct RuntimeStatisticsTests {
    @Test("all counters start at zero, where conservation holds")
    func startsAtZero() {
        let statistics = RuntimeStatistics()
        #expect(statistics.sent == statistics.handled + statistics.refused + statistics.discarded)
        #expect(statistics.sent == 0 && statistics.processes == 0 && statistics.timers == 0)
        #expect(statistics.timerLag == .zero)
    }

    @Test("copies are equal until one counter differs")
    func equality() {
        let before = RuntimeStatistics()
        var after = before
        #expect(after == before)
        after.steals += 1
        #expect(after != before)
    }
}
