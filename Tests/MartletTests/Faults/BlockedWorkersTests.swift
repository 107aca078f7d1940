// SPDX-License-Identifier: Apache-2.0
// F16 at a small size; at full size: martlet-soak blocked-workers.

import MartletFaults
import Testing

@Suite("F16: blocked workers", .tags(.stress), .timeLimit(.minutes(5)))
struct BlockedWorkersTests {
    @Test("F16: with more handlers asleep than there are workers, other servers are served", arguments: [false, true])
    func blocked(politely: Bool) async {
        expectNoViolation(await BlockedWorkers.run(blocked: 6, politely: politely, for: .milliseconds(200)))
    }
}
