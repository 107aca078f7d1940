// SPDX-License-Identifier: Apache-2.0
// Time that a test moves, on one thread and on many.

import Martlet
import MartletTestKit
import Testing

@Suite("VirtualClock")
struct VirtualClockTests {
    @Test("advance fires what is due in order, to the nanosecond, and not what is due later (R22)")
    func advance() async throws {
        try await explore(seeds: 0..<50) { test in
            let desk = try await Desk.start()
            for number in (1...50).shuffled() { desk.sendAfter(.milliseconds(number * 7), number) }
            await test.clock.advance(by: .nanoseconds(7 * 20 * 1_000_000 - 1))
            try #require(try await desk.call { .seen($0) } == Array(1...19))
            await test.clock.advance(by: .nanoseconds(1))
            try #require(try await desk.call { .seen($0) } == Array(1...20))
            await test.clock.advance(by: .seconds(1))
            try #require(try await desk.call { .seen($0) } == Array(1...50))
            try #require(test.clock.now == .nanoseconds(7 * 20 * 1_000_000 + 1_000_000_000))
        }
    }

    @Test("runUntilIdle lets everything run and time stand")
    func idle() async throws {
        try await withTestRuntime { test in
            let desk = try await Desk.start()
            for number in 0..<100 { desk.cast(.note(number)) }
            desk.sendAfter(.milliseconds(1), 100)
            await test.clock.runUntilIdle()
            #expect(test.clock.now == .zero)
            #expect(test.runtime.statistics.handled == 100)
        }
    }

    @Test("any length of time can be advanced; the clock ends after 584 years")
    func far() async throws {
        try await withTestRuntime { test in
            await test.clock.advance(by: .seconds(315_360_000) + .nanoseconds(1))
            #expect(test.clock.now == .seconds(315_360_000) + .nanoseconds(1))
            for _ in 0..<3 { await test.clock.advance(by: .seconds(Int64.max)) }
            #expect(test.clock.now > .seconds(18_000_000_000))
        }
    }

    @Test("a task left inside advance fails its run, and the next run begins")
    func leftInsideAdvance() async throws {
        await #expect(throws: TestRuntimeError.self) {
            try await withTestRuntime { test in
                Task { await test.clock.advance(by: .seconds(86_400)) }
                await test.clock.runUntilIdle()
            }
        }
        try await withTestRuntime { test in #expect(test.clock.now == .zero) }
    }

    @Test("a sleep ends with its task's cancellation")
    func cancelledSleep() async throws {
        try await withTestRuntime { test in
            let sleeper = Task { try await test.clock.sleep(for: .seconds(1_000)) }
            await test.clock.runUntilIdle()
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
            #expect(test.clock.now == .zero)
        }
    }

    @Test("one clock moves several runtimes of threads together")
    func threads() async throws {
        let clock = VirtualClock()
        var configuration = Runtime.Configuration()
        configuration.clock = clock.clock
        configuration.workers = 2
        let runtimes = [Runtime(configuration), Runtime(configuration)]
        let desks = try await [
            Desk.start((), options: StartOptions(runtime: runtimes[0])),
            Desk.start((), options: StartOptions(runtime: runtimes[1])),
        ]
        for desk in desks { desk.sendAfter(.seconds(3_600), 1) }
        await clock.advance(by: .seconds(3_599))
        for desk in desks { #expect(try await desk.call { .seen($0) } == []) }
        await clock.advance(by: .seconds(1))
        for desk in desks { #expect(try await desk.call { .seen($0) } == [1]) }
        #expect(clock.now == .seconds(3_600))
        for runtime in runtimes { await runtime.shutdown() }
        await clock.advance(by: .seconds(1))
    }

    @Test("an hour of a server that ticks each second passes without waiting for it (F27)")
    func faster() async throws {
        struct Ticker: GenServer {
            typealias Message = Int
            private var ticks = 0
            init(_: Void) {}
            var afterInit: Next {
                Self.current.sendInterval(.seconds(1), 1)
                return .wait
            }
            mutating func handleInfo(_ info: Info<Int>) -> Next {
                ticks += 1
                return ticks == 3_600 ? .stop() : .wait
            }
        }
        let start = ContinuousClock.now
        try await withTestRuntime { test in
            _ = try await Ticker.start()
            await test.clock.advance(by: .seconds(3_600))
            #expect(test.runtime.statistics.handled == 3_600)
            // A timer and a message each, and little else: what the time it takes is made of.
            #expect(test.steps < 4 * 3_600, "\(test.steps) steps")
            test.assertNothingLeft()
        }
        // 15 ms alone in a debug build, far more under a sanitizer on a busy machine; what is gated is that nobody waits.
        #expect(ContinuousClock.now - start < .seconds(360))
    }
}
