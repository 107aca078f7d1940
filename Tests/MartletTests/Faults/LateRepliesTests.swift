// SPDX-License-Identifier: Apache-2.0
// F9 at a small size; at full size: martlet-soak late-replies.

import MartletFaults
import Testing

@Suite("F9: late replies", .tags(.stress), .timeLimit(.minutes(5)))
struct LateRepliesTests {
    @Test("F9: 20,000 replies that race with the timeout are delivered or counted as late, never both")
    func races() async { expectNoViolation(await LateReplies.run(count: 20_000, width: 128)) }
}
