// SPDX-License-Identifier: Apache-2.0
// F7 and F8 at a small size; at full size: martlet-soak order.

import MartletFaults
import Testing

@Suite("F7: order", .tags(.stress), .timeLimit(.minutes(5)))
struct OrderFloodTests {
    @Test("F7: 200,000 messages over 256 pairs arrive in order, none lost, none twice, the stop last")
    func order() async { expectNoViolation(await OrderFlood.run(count: 200_000)) }
}
