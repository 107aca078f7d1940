// SPDX-License-Identifier: Apache-2.0
// F10 at a small size; at full size: martlet-soak timers.

import MartletFaults
import Testing

@Suite("F10: timers", .tags(.stress), .timeLimit(.minutes(5)))
struct TimerFatesTests {
    @Test("F10: none of 20,000 timers fires early, twice, or after a cancel that told the time left")
    func fates() async { expectNoViolation(await TimerFates.run(count: 20_000, spread: .milliseconds(200))) }
}
