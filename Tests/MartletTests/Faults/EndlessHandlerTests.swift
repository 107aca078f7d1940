// SPDX-License-Identifier: Apache-2.0
// F18 at a small size; at full size: martlet-soak endless-handler.

import MartletFaults
import Testing

@Suite("F18: endless handlers", .tags(.stress), .timeLimit(.minutes(5)))
struct EndlessHandlerTests {
    @Test("F18: an endless handler is killed, and nothing it does later has an effect")
    func endless() async { expectNoViolation(await EndlessHandler.run(count: 20)) }
}
