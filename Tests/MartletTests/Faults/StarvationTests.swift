// SPDX-License-Identifier: Apache-2.0
// F17 at a small size; at full size: martlet-soak starvation.

import MartletFaults
import Testing

@Suite("F17: starvation", .tags(.stress), .timeLimit(.minutes(5)))
struct StarvationTests {
    @Test("F17: 10 servers that never rest do not starve 500 that are called now and then")
    func starvation() async { expectNoViolation(await Starvation.run(quiet: 500, for: .milliseconds(300))) }
}
