// SPDX-License-Identifier: Apache-2.0
// Stages at their edges: demand before the subscription is made, ends with nothing wanted, stops with events kept.

import MartletTestKit
import Testing

@testable import Martlet

/// Asks by itself, as soon as it has subscribed.
private struct Eager: Stage {
    typealias Input = Int
    struct Setup: Sendable {
        let producer: Counters<ByDemand>.Ref
        let seen: Seen
    }
    private let setup: Setup
    init(_ setup: Setup) {
        self.setup = setup
        Self.current.subscribe(to: setup.producer).ask(3)
    }
    mutating func handleSubscribe(_ subscription: Subscription) -> Subscription.Demand { .manual }
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        setup.seen.add(events)
        return .wait
    }
}

/// Asks for one at a time.
private struct Polite: Stage {
    typealias Input = Int
    init(_ producer: Counters<ByDemand>.Ref) { Self.current.subscribe(to: producer).ask(1) }
    mutating func handleSubscribe(_ subscription: Subscription) -> Subscription.Demand { .manual }
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        from.ask(1)
        return .wait
    }
}

/// Adds up what comes.
private struct Sum: Stage {
    typealias Input = Int
    var sum = 0
    init(_: Void) {}
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        sum += events.reduce(0, +)
        return .wait
    }
}

/// Stops at the first events.
private struct Once: Stage {
    typealias Input = Int
    private let seen: Seen
    init(_ seen: Seen) { self.seen = seen }
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        seen.add(events)
        return .stop()
    }
}

@Suite("Edges of stages")
struct StageEdgeTests {
    @Test("a consumer that asks in init, before the subscription is made, gets what it asked for")
    func askInInit() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Eager.start(.init(producer: numbers, seen: seen))
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            for stage in [numbers.pid, sink.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }

    @Test("a stop that waits for what is kept goes on waiting, whatever else is asked of the stage")
    func stopping() async throws {
        try await withTestRuntime { test async throws in
            let (even, odd) = (Seen(), Seen())
            let numbers = try await Counters<Partitioned>.start(10)
            let first = try await Sink.start(.init(seen: even, isManual: true))
            first.subscribe(to: numbers, cancel: .temporary, partition: 0).ask(10)
            await test.clock.runUntilIdle()
            #expect(numbers.pid.isAlive && even.all == [0, 2, 4, 6, 8])
            let taken = try await Sink.start(.init(seen: Seen()))
            taken.subscribe(to: numbers, partition: 0)
            _ = try await taken.pid.waitForExit()
            let second = try await Sink.start(.init(seen: odd))
            second.subscribe(to: numbers, demand: 1...2, cancel: .temporary, partition: 1)
            _ = try await numbers.pid.waitForExit()
            await test.clock.runUntilIdle()
            #expect(odd.all == [1, 3, 5, 7, 9])
            for sink in [first, second] { try await sink.stop() }
            await test.settle()
        }
    }

    @Test("what another runtime's consumer has not come to yet changes no message of this one")
    func otherRuntime() async throws {
        func messages() async throws -> Int {
            let sent = Seen()
            try await withTestRuntime { test async throws in
                let sink = try await Polite.start(try await Counters<ByDemand>.start(20))
                _ = try await sink.pid.waitForExit()
                await test.settle()
                sent.add([Int(test.runtime.statistics.sent)])
            }
            return sent.all[0]
        }
        let alone = try await messages()
        let other = Runtime()
        let consumer = try await other.withCurrent { try await Sum.start() }
        let subscription = Subscription(.none, consumer.pid, 1...2)
        let untold = StageSubscribe<Int>(subscription, .permanent, StageJoin(subscription, nil, nil))
        #expect(try await messages() == alone)
        withExtendedLifetime(untold) {}
        await other.shutdown()
    }

    @Test("the end of a producer passes through a stage in the middle though nobody wants more")
    func endWithoutDemand() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(3)
            let times = try await Times.start(.init(source: numbers.pid, factor: 1))
            let sink = try await Sink.start(.init(seen: seen, isManual: true))
            sink.subscribe(to: times).ask(3)
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            #expect(!times.pid.isAlive && !sink.pid.isAlive)
            for stage in [times.pid, sink.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }

    @Test("bounds beyond memory are as good as any")
    func hugeBounds() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(3)
            let sink = try await Sink.start(.init(seen: seen))
            sink.subscribe(to: numbers, demand: (Int.max - 1)...Int.max)
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            await test.settle()
        }
    }

    @Test("sys reads and changes the state of a stage (R21)")
    func sys() async throws {
        try await withTestRuntime { test async throws in
            let sum = try await Sum.start()
            sum.subscribe(to: try await Counters<ByDemand>.start(5), cancel: .temporary)
            await test.clock.runUntilIdle()
            #expect(try await sum.sys.state().sum == 10)
            try await sum.sys.updateState { $0.sum = 1 }
            try await sum.sys.replaceState { state in
                var state = state
                state.sum += 1
                return state
            }
            #expect(try await sum.sys.withState { $0.sum } == 2)
            try await sum.stop()
            await test.settle()
        }
    }

    @Test("one partition's consumer dies: what comes for it is kept, and its successor goes on from there")
    func partitionDies() async throws {
        try await withTestRuntime { test async throws in
            let (even, odd, next) = (Seen(), Seen(), Seen())
            let numbers = try await Counters<Partitioned>.start(100)
            let first = try await Sink.start(.init(seen: even))
            first.subscribe(to: numbers, demand: 1...4, cancel: .temporary, partition: 0)
            let second = try await Sink.start(.init(seen: odd, failsAt: 21))
            second.subscribe(to: numbers, demand: 1...4, cancel: .temporary, partition: 1)
            _ = try await second.pid.waitForExit()
            await test.clock.runUntilIdle()
            let lost = numbers.stageStatistics()?.lost ?? 0
            let third = try await Sink.start(.init(seen: next))
            third.subscribe(to: numbers, demand: 1...4, cancel: .temporary, partition: 1)
            _ = try await numbers.pid.waitForExit()
            await test.clock.runUntilIdle()
            #expect(even.count == 50 && odd.count + lost + next.count == 50)
            #expect(next.all == stride(from: 2 * (odd.count + lost) + 1, to: 100, by: 2).map { $0 })
            for sink in [first, third] { try await sink.stop() }
            await test.settle()
        }
    }

    @Test("a successor that comes before the end of who had its partition is told has the partition (R20)")
    func partitionSuccessor() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<Partitioned>.start(20)
            let first = try await Sink.start(.init(seen: Seen(), isManual: true))
            first.subscribe(to: numbers, cancel: .temporary, partition: 1)
            await test.clock.runUntilIdle()
            // The end is never told.
            try await Sys<StageEngine<Counters<Partitioned>>>(numbers.pid).withState { engine in
                for monitor in engine.monitored.keys { monitor.cancel() }
            }
            first.pid.kill()
            let second = try await Sink.start(.init(seen: seen, isManual: true))
            second.subscribe(to: numbers, cancel: .temporary, partition: 1).ask(5)
            await test.clock.runUntilIdle()
            #expect(seen.all == [1, 3])
            for stage in [numbers.pid, second.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }

    @Test("a stage with a bounded mailbox, in which demand could be refused, does not start")
    func boundedMailbox() async throws {
        try await withTestRuntime { test async throws in
            for overflow in [MailboxPolicy.Overflow.reject, .dropNewest, .dropOldest] {
                let options = StartOptions(mailbox: .bounded(1, whenFull: overflow))
                do {
                    _ = try await Counters<ByDemand>.start(1, options: options)
                    Issue.record("it started")
                } catch StartError.failed(StageError.boundedMailbox) {}
            }
            await test.settle()
        }
    }

    @Test("a consumer that stops asks for no more: nothing is sent to be lost")
    func stopAsksNoMore() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Once.start(seen)
            sink.subscribe(to: numbers, demand: 0...1)
            _ = try await sink.pid.waitForExit()
            await test.clock.runUntilIdle()
            let statistics = try #require(numbers.stageStatistics())
            #expect(seen.all == [0] && statistics.delivered == 1 && statistics.lost == 0)
            numbers.pid.kill()
            await test.settle()
        }
    }
}
