// SPDX-License-Identifier: Apache-2.0
// The guide's three disasters, before and after.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("ProcessLeakExample")
struct ProcessLeakExampleTests {
    @Test(
        "children outlive a parent that ends normally unless they watch it or, servers, trap exits; never their supervisor (S8, R14)"
    )
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await processLeakTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "Just started: 1000 left", "Linked: 1000 left", "Linked, and their parent fails: 0 left",
                "Watching their parent: 0 left", "Servers: 0 left", "Supervised, 100 of them killed: 1000 left",
                "Supervised, their supervisor stopped: 0 left",
            ])
    }
}

@Suite("MailboxOverflowExample")
struct MailboxOverflowExampleTests {
    @Test("a million casts: all kept, or exactly those counted that were not; who waits loses none (S9)")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            try await mailboxOverflowTour(output: lines.output)
            // Twice a million but 1,024.
            #expect(test.runtime.deadLetterCounts[.full] == 1_997_952)
        }
        #expect(
            lines.all == [
                "Unbounded: 1000000 queued, 0 in place of others, 0 refused; 1000000 counted",
                "Reject: 1024 queued, 0 in place of others, 998976 refused; 1024 counted",
                "Drop the oldest: 1024 queued, 998976 in place of others, 0 refused; 1024 counted",
                "Wait: 1000000 queued, 0 in place of others, 0 refused; 1000000 counted",
                "Wait: never more than 1024 in the mailbox: true",
            ])
    }
}

@Suite("GracelessShutdownExample")
struct GracelessShutdownExampleTests {
    @Test("what is closed at the end of a loop leaks, what terminate closes leaks at a kill, a deinit never (S10, S34)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await gracelessShutdownTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "By hand, its parent says shutdown: 1 left open", "By hand, a stranger says shutdown: 1 left open",
                "By hand, killed: 1 left open",
                "terminate, its parent says shutdown: 0 left open", "terminate, a stranger says shutdown: 1 left open",
                "terminate, killed: 1 left open",
                "deinit, its parent says shutdown: 0 left open", "deinit, a stranger says shutdown: 0 left open",
                "deinit, killed: 0 left open",
                "Supervised, while the tree runs: 100 open",
                "Supervised, the tree has stopped: 0 left open, 0 were stuck",
            ])
    }
}
