// SPDX-License-Identifier: Apache-2.0
// Timed sends: when they arrive, to whom, and how they are stopped (R22).

import Testing

@testable import Martlet

@Suite("Timers", .tags(.parity), .timeLimit(.minutes(5)))
struct TimerTests {
    @Test("sendAfter is never early, and arrives once (R22, S30)", arguments: [1, 10, 4_097, 86_400_000])
    func sendAfter(milliseconds: Int) async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            server.sendAfter(.milliseconds(milliseconds), 5)
            await test.advance(by: .nanoseconds(milliseconds * 1_000_000 - 1))
            #expect(try await server.call { .seen($0) } == [])
            await test.advance(by: .milliseconds(1))
            #expect(try await server.call { .seen($0) } == [5])
            await test.advance(by: .seconds(100_000))
            #expect(try await server.call { .seen($0) } == [5])
        }
    }

    @Test("timers fire in the order of their due times (R22)")
    func order() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            for number in (1...100).shuffled() { server.sendAfter(.milliseconds(number * 7), number) }
            await test.advance(by: .seconds(1))
            #expect(try await server.call { .seen($0) } == Array(1...100))
        }
    }

    @Test("a negative delay counts as zero (R22)")
    func negative() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            server.sendAfter(.seconds(-5), 5)
            await test.advance(by: .milliseconds(1))
            #expect(try await server.call { .seen($0) } == [5])
        }
    }

    @Test("cancel returns what is left and then nil; after a value nothing is delivered (R22)")
    func cancel() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let timer = server.sendAfter(.seconds(10), 5)
            await test.advance(by: .seconds(4))
            #expect(timer.remaining == .seconds(6))
            #expect(timer.cancel() == .seconds(6))
            #expect(timer.cancel() == nil)
            #expect(timer.remaining == nil)
            await test.advance(by: .seconds(60))
            #expect(try await server.call { .seen($0) } == [])
            let fired = server.sendAfter(.seconds(1), 6)
            await test.advance(by: .seconds(2))
            #expect(fired.cancel() == nil)
            #expect(try await server.call { .seen($0) } == [6])
        }
    }

    @Test("a timer armed by a handler dies with its server; one armed outside lives on (R22)")
    func owner() async throws {
        try await withRuntime { test in
            let target = try await Desk.begin()
            let owner = try await Desk.begin()
            _ = try await owner.ask { _, from in
                target.sendAfter(.seconds(10), 1)
                target.sendInterval(.seconds(10), 2)
                return from.reply(0)
            }
            target.sendAfter(.seconds(10), 3)
            #expect(test.runtime.statistics.timers == 3)
            try await owner.stop()
            #expect(test.runtime.statistics.timers == 1)
            await test.advance(by: .seconds(60))
            #expect(try await target.call { .seen($0) } == [3])
        }
    }

    @Test("a timer to a dead pid is dropped; one to a name finds who has it then (R22)")
    func targets() async throws {
        try await withRuntime { test in
            let name: Desk.Name = "timer-target"
            let first = try await Desk.begin(name: name)
            first.sendAfter(.seconds(5), 1)
            name.sendAfter(.seconds(5), 2)
            try await first.stop()
            let second = try await Desk.begin(name: name)
            await test.advance(by: .seconds(6))
            #expect(try await second.call { .seen($0) } == [2])
        }
    }

    @Test("the value of a timer that does not fire is destroyed", .tags(.leak))
    func payloads() async throws {
        struct Keeper: GenServer {
            typealias Message = Tracked
            init(_: Void) {}
            mutating func handleInfo(_ info: Info<Tracked>) -> Next { .wait }
        }
        let census = Census()
        try await withRuntime { test in
            let server = try await Keeper.start()
            server.sendAfter(.seconds(1), Tracked(census)).cancel()
            #expect(census.alive == 0)
            server.sendAfter(.seconds(1), Tracked(census))
            server.process.sendAfter(.seconds(100), Tracked(census))
            await test.advance(by: .seconds(2))
            #expect(census.alive == 1)
        }
        #expect(census.alive == 0)
        #expect(census.total == 3)
    }

    @Test("sendInterval comes every interval until it is cancelled (R22, S30)")
    func interval() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let timer = server.sendInterval(.seconds(1), 1)
            await test.advance(by: .milliseconds(999))
            #expect(try await server.call { .seen($0) } == [])
            for round in 1...5 {
                await test.advance(by: .seconds(1))
                #expect(try await server.call { .seen($0) }.count == round)
            }
            timer.cancel()
            await test.advance(by: .seconds(10))
            #expect(try await server.call { .seen($0) }.count == 5)
        }
    }

    @Test("an interval merges the ticks that a busy server misses: at most one waits (R22)")
    func merged() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            await server.hold(at: gate)
            server.sendInterval(.seconds(1), 1)
            await test.advance(by: .seconds(10))
            gate.open()
            await test.settle()
            let count = try await server.call { .seen($0) }.count
            #expect(count == 1)
        }
    }

    @Test("a timer re-armed by its handler repeats, as the guide's reporter does (S30)")
    func reporter() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin {
                $0.info = { state, info in
                    guard case .message(let number) = info else { return .wait }
                    state.seen.append(number)
                    Desk.current.sendAfter(.seconds(60), number + 1)
                    return .wait
                }
            }
            server.send(0)
            await test.advance(by: .seconds(60 * 5))
            #expect(try await server.call { .seen($0) } == [0, 1, 2, 3, 4, 5])
        }
    }
}
