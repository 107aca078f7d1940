// SPDX-License-Identifier: Apache-2.0
// Sessions by key under a tree; the tree as a program.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("SessionManagerExample")
struct SessionManagerExampleTests {
    @Test("sessions are opened once, come back under their key, and go with their tree (S23, S41)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await sessionTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "Touched: 1, 2", "Opened twice: the same session", "After a failure: 1", "1001 sessions, 1001 keys",
                "Stopped: 0 keys",
            ])
    }

    @Test("a session that nobody touches for half an hour ends, and its key is free")
    func idle() async throws {
        try await withTestRuntime { test in
            let tree = try await Supervisor.start(.restForOne, SessionManager.tree)
            let session = try await SessionManager.name.call { .open("a", $0) }.get()
            _ = try await session.call { .touch($0) }
            await test.clock.advance(by: .seconds(1_799))
            #expect(session.pid.isAlive)
            await test.clock.advance(by: .seconds(2))
            #expect(!session.pid.isAlive && sessions.count == 0)
            _ = try await SessionManager.name.call { .open("a", $0) }.get()
            try await tree.stop(.shutdown)
            test.assertNothingLeft()
        }
    }

    @Test("100,000 sessions, each found by its key")
    func many() async throws {
        try await withTestRuntime { test in
            let tree = try await Supervisor.start(.restForOne, SessionManager.tree)
            for index in 0..<100_000 { _ = try await SessionManager.name.call { .open("\(index)", $0) }.get() }
            #expect(sessions.count == 100_000)
            for index in stride(from: 0, to: 100_000, by: 997) {
                let name: Session.Name = .via(sessions, "\(index)")
                #expect(try await name.call { .touch($0) } == 1)
            }
            try await tree.stop(.shutdown)
            #expect(sessions.count == 0)
            test.assertNothingLeft()
        }
    }
}

@Suite("ShopExample")
struct ShopExampleTests {
    @Test("a program is one tree: mixed children in order, restarted, asked, stopped (S46)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await shopTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "Counter runs", "CacheServer runs", "reporter-0 runs", "reporter-1 runs", "reporter-2 runs",
                "reporter-3 runs", "data (a supervisor) runs", "sessions (a supervisor) runs", "manual runs",
                "Counted: 2", "Killed and started again: 0", "Stopped in order, 0 stuck",
            ])
    }
}

@Suite("TourExample")
struct TourExampleTests {
    @Test("an unknown tour is refused with those that there are")
    func unknown() async throws {
        let error = await #expect(throws: Tour.Unknown.self) { try await Tour.run(["nonsense"]) }
        #expect(error?.description.hasPrefix("expected one of manual, counter, ") == true)
        #expect(error?.description.hasSuffix("got nonsense") == true)
    }

    @Test("one tour of that name is run, under its heading")
    func one() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await Tour.run(["counter"], output: lines.output) }
        #expect(lines.all.prefix(2) == ["", "== counter: the same as a server"] && lines.all.count > 2)
    }
}
