// SPDX-License-Identifier: Apache-2.0
// A running system tells what it does and what failed.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("DebuggingExample")
struct DebuggingExampleTests {
    @Test("status, top, wait graph, labels and a crash report that names message and state (R16)")
    func tour() async throws {
        try await explore(seeds: 0..<20) { test in
            let lines = Lines()
            try await debuggingTour(output: lines.output)
            #expect(
                lines.all == [
                    "Printer, printer, second floor: 3 handled", "busiest: Printer",
                    "a client waits for second floor",
                    "second floor failed: error (OutOfPaper) in Printer.Call.print", "with 4 sheets, 0 jobs",
                ])
            test.assertNothingLeft()
        }
    }
}
