// SPDX-License-Identifier: Apache-2.0
// Connections go round, wait in line, come back from the dead, and are closed whatever ends the pool.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("DatabasePoolExample")
struct DatabasePoolExampleTests {
    @Test("every end closes all connections; terminate runs but for a kill and a stranger's signal (S10, S32-S34)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await poolTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        let closing = "Closing 10 connections"
        #expect(
            lines.all == [
                "Stopped:", "hello, 10 open", "Shutting down pool: normal", closing, "0 open",
                "Its parent says shutdown:", "hello, 10 open", "Shutting down pool: shutdown", closing, "0 open",
                "A stranger says shutdown:", "hello, 10 open", closing, "0 open",
                "Killed:", "hello, 10 open", closing, "0 open",
                "It fails:", "hello, 10 open", "Shutting down pool: error (DatabaseError)", closing, "0 open",
                "No room for all:", "failed (Refused), 3 opened, 0 open",
            ])
    }

    @Test("a start that fails at connection k closes the k-1 before it (S32)", arguments: 1...5)
    func initFails(k: Int) async throws {
        try await withTestRuntime { test in
            let database = Database(limit: k - 1)
            await #expect(throws: StartError.self) {
                try await DatabasePool.start(.init(database: database, size: 5, output: { _ in }))
            }
            #expect((database.openedSoFar, database.open) == (k - 1, 0))
            test.assertNothingLeft()
        }
    }

    @Test("when the parent ends, its pool closes everything: with last words if the parent fails")
    func parentEnds() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            let database = Database()
            let settings = DatabasePool.Settings(database: database, size: 2, output: lines.output)
            let parent = spawn(Int.self) { mailbox in
                _ = try await DatabasePool.startLink(settings)
                throw Database.Refused()
            }
            _ = try await parent.pid.waitForExit()
            await test.clock.runUntilIdle()
            #expect(database.open == 0)
            test.assertNothingLeft()
        }
        #expect(lines.all == ["Shutting down pool: error (Refused)", "Closing 2 connections"])
    }

    @Test("who finds all lent waits in line, first come first served", arguments: 1...20 as ClosedRange<UInt64>)
    func waitersAreServedInOrder(seed: UInt64) async throws {
        let lines = Lines()
        try await withTestRuntime(seed: seed) { test in
            let pool = try await Self.pool(size: 1)
            let first = Self.hold(pool, for: .seconds(1), lines, "first")
            await test.clock.runUntilIdle()
            for name in ["second", "third", "fourth"] {
                _ = Self.hold(pool, for: .seconds(1), lines, name)
                await test.clock.runUntilIdle()
            }
            #expect(try await pool.counts() == .init(idle: 0, lent: 1, waiting: 3))
            _ = try await first.waitForExit()
            await test.clock.advance(by: .seconds(4))
            #expect(try await pool.counts() == .init(idle: 1, lent: 0, waiting: 0))
            try await pool.stop()
            test.assertNothingLeft()
        }
        #expect(lines.all == ["first", "second", "third", "fourth"])
    }

    @Test("a waiter that gave up, and one that died, are skipped (S20)")
    func goneWaitersAreSkipped() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            let pool = try await Self.pool(size: 1)
            _ = Self.hold(pool, for: .seconds(10), lines, "holder")
            await test.clock.runUntilIdle()
            _ = Self.hold(pool, waiting: .seconds(2), for: .seconds(1), lines, "gives up")
            await test.clock.runUntilIdle()
            let dead = Self.hold(pool, waiting: .seconds(20), for: .seconds(1), lines, "dies")
            await test.clock.runUntilIdle()
            _ = Self.hold(pool, waiting: .seconds(20), for: .seconds(1), lines, "waits")
            await test.clock.runUntilIdle()
            dead.kill()
            await test.clock.advance(by: .seconds(12))
            #expect(lines.all == ["holder", "dies: cancelled", "gives up: timeout", "waits"])
            #expect(try await pool.counts() == .init(idle: 1, lent: 0, waiting: 0))
            try await pool.stop()
            test.assertNothingLeft()
        }
    }

    @Test("the connection of a holder that is killed comes back, to the next in line")
    func holderDies() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            let database = Database()
            let pool = try await DatabasePool.start(.init(database: database, size: 1, output: { _ in }))
            let holder = Self.hold(pool, for: .seconds(1_000), lines, "holder")
            await test.clock.runUntilIdle()
            _ = Self.hold(pool, for: .seconds(1), lines, "next")
            await test.clock.runUntilIdle()
            #expect(lines.all == ["holder"])
            holder.kill()
            await test.clock.advance(by: .seconds(2))
            #expect(lines.all == ["holder", "next"])
            #expect(try await pool.counts() == .init(idle: 1, lent: 0, waiting: 0))
            // The same connection: none is opened for the one that was lost.
            #expect((database.openedSoFar, database.open) == (1, 1))
            try await pool.stop()
            #expect(database.open == 0)
            test.assertNothingLeft()
        }
    }

    @Test("whatever the order of holders, deaths and timeouts, no connection is lost, lent twice or left open")
    func everyInterleaving() async throws {
        try await explore(seeds: 0..<200) { test in
            let database = Database()
            let pool = try await DatabasePool.start(.init(database: database, size: 2, output: { _ in }))
            var random = test.random
            for _ in 0..<8 {
                let client = Self.hold(
                    pool, waiting: .milliseconds(Int.random(in: 1...60, using: &random)),
                    for: .milliseconds(Int.random(in: 0...40, using: &random)), Lines(), "")
                if Bool.random(using: &random) {
                    await test.clock.advance(by: .milliseconds(Int.random(in: 0...20, using: &random)))
                }
                if Int.random(in: 0..<4, using: &random) == 0 { client.kill() }
            }
            await test.clock.advance(by: .seconds(1))
            #expect(try await pool.counts() == .init(idle: 2, lent: 0, waiting: 0))
            #expect(database.open == 2)
            try await pool.stop()
            #expect(database.open == 0)
            test.assertNothingLeft()
        }
    }

    @Test("a holder of a pool that is gone is told by its next query")
    func poolGone() async throws {
        try await withTestRuntime { _ in
            let pool = try await Self.pool(size: 1)
            await #expect(throws: Database.Refused.self) {
                try await pool.withConnection { connection in
                    pool.pid.kill()
                    _ = try await pool.pid.waitForExit()
                    try connection.query("SELECT 1")
                }
            }
        }
    }

    private static func pool(size: Int) async throws -> DatabasePool.Ref {
        try await DatabasePool.start(.init(database: Database(), size: size, output: { _ in }))
    }

    /// A process that notes its name when it has a connection, and keeps it for a while.
    private static func hold(
        _ pool: DatabasePool.Ref, waiting timeout: Duration = .seconds(5), for time: Duration, _ lines: Lines,
        _ name: String
    ) -> Pid {
        spawn(Never.self) { mailbox in
            do {
                try await pool.withConnection(timeout: timeout) { _ in
                    lines.output(name)
                    _ = try await mailbox.receive(timeout: time)
                }
            } catch let error as CallError {
                lines.output("\(name): \(error.reason)")
            }
        }.pid
    }
}
