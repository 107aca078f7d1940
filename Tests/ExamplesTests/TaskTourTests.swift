// SPDX-License-Identifier: Apache-2.0
// Tasks: waited for, ended, streamed, supervised.

import Martlet
import Testing

@testable import Examples

@Suite("TaskTourExample")
struct TaskTourExampleTests {
    @Test("the tour shows each kind of outcome")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await taskTour(output: lines.output) }
        let failure = "exited(error (NotFound))"
        #expect(
            lines.all == ["page 1", "not yet", "ended", "page 1", "page 2", failure, "page 4", failure])
    }
}
