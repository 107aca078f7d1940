// SPDX-License-Identifier: Apache-2.0
// F12 at a small size; at full size: martlet-soak timer-storm.

import MartletFaults
import Testing

@Suite("F12: timer storm", .tags(.stress), .timeLimit(.minutes(5)))
struct TimerStormTests {
    @Test("F12: 20,000 timers in one tick all fire once, and another server is served meanwhile")
    func storm() async {
        expectNoViolation(await TimerStorm.run(count: 20_000, servers: 100, lead: .seconds(15)))
    }
}
