// SPDX-License-Identifier: Apache-2.0
// F13 at a small size; at full size: martlet-soak overload.

import MartletFaults
import Testing

@Suite("F13: overload", .tags(.stress), .timeLimit(.minutes(5)))
struct OverloadTests {
    @Test(
        "F13: an overloaded mailbox keeps its bound and every refusal is known to its sender",
        arguments: Overload.Policy.allCases)
    func overload(_ policy: Overload.Policy) async {
        expectNoViolation(await Overload.run(policy, capacity: 1_000, for: .milliseconds(200), isAlone: false))
    }
}
