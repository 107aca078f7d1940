// SPDX-License-Identifier: Apache-2.0
// An agent keeps scores, until a closure throws.

import MartletTestKit
import Testing

@testable import Examples

@Suite("ScoresExample")
struct ScoresExampleTests {
    @Test("the tour: updates are seen in order, and a throw ends the agent (S45)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await agentTour(output: lines.output)
            test.assertNothingLeft()
        }
        #expect(lines.all == ["ada had 1", "2 players", "exited: error (NoSuchPlayer)", "noProcess"])
    }
}
