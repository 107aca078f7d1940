// SPDX-License-Identifier: Apache-2.0
// Stages and AsyncSequences, both ways; a process for each event.

import MartletTestKit
import Testing

@testable import Martlet

/// What a sequence throws.
private struct Broken: Error {}

/// Counts what is taken from it.
private struct Counting: AsyncSequence, Sendable {
    typealias Element = Int
    let taken: Seen
    let limit: Int
    var fails = false

    struct AsyncIterator: AsyncIteratorProtocol {
        let sequence: Counting
        var next = 0
        mutating func next() async throws -> Int? {
            await Task.yield()
            if next == sequence.limit {
                if sequence.fails { throw Broken() }
                return nil
            }
            sequence.taken.add([next])
            next += 1
            return next - 1
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(sequence: self) }
}

/// A process that lives for a number of milliseconds.
private struct Job: GenServer {
    let running: Seen
    init(_ setup: (Int, Seen)) {
        running = setup.1
        running.add([1])
        Self.current.sendAfter(.milliseconds(setup.0), 0)
    }
    mutating func handleInfo(_ info: Info<Int>) -> Next { .stop() }
    mutating func terminate(_ reason: ExitReason) { running.add([-1]) }
}

@Suite("Bridges of stages")
struct BridgeTests {
    @Test("a loop reads a producer to its end, asking as it takes")
    func loop() async throws {
        try await withTestRuntime { test async throws in
            let numbers = try await Counters<ByDemand>.start(50)
            var read: [Int] = []
            for try await number in numbers.events(demand: 2...8) {
                read.append(number)
                if read.count == 4 {
                    await test.clock.advance(by: .seconds(1))
                    #expect((numbers.stageStatistics()?.emitted ?? 0) <= 8 + 6)
                }
            }
            #expect(read == Array(0..<50))
            await test.settle()
        }
    }

    @Test("an abnormal end is thrown, behind the last event; a loop that is left cancels")
    func ends() async throws {
        try await withTestRuntime { test async throws in
            let numbers = try await Counters<ByDemand>.start(.max)
            var read = 0
            do {
                for try await _ in numbers.events(demand: 1...4) {
                    read += 1
                    if read == 3 { numbers.cast(.stop(.error(Broken()))) }
                }
                Issue.record("it ended")
            } catch let signal as ExitSignal {
                guard case .error(is Broken) = signal.reason else { Issue.record("\(signal.reason)"); return }
            }
            #expect(read >= 3)
            let others = try await Counters<ByDemand>.start(.max)
            for try await number in others.events() where number == 3 { break }
            await test.clock.runUntilIdle()
            #expect(others.pid.isAlive)
            try await others.stop()
            await #expect(throws: ExitSignal.self) { for try await _ in others.events() {} }
            await test.settle()
        }
    }

    @Test("a producer over a sequence takes only what is asked for, and stops when it ends")
    func sequence() async throws {
        try await withTestRuntime { test async throws in
            let (taken, seen) = (Seen(), Seen())
            let producer = try await SequenceProducer<Counting>.start(Counting(taken: taken, limit: 30))
            let sink = try await Sink.start(.init(seen: seen, isManual: true))
            let subscription = sink.subscribe(to: producer)
            await test.clock.runUntilIdle()
            #expect(taken.count == 0)
            subscription.ask(10)
            await test.clock.runUntilIdle()
            #expect(taken.count == 10 && seen.count == 10)
            subscription.ask(100)
            guard case .normal = try await sink.pid.waitForExit() else { Issue.record("abnormal"); return }
            #expect(seen.all == Array(0..<30))
            await test.settle()
        }
    }

    @Test("a sequence that throws ends its producer with that error; one that is killed leaves no reader")
    func failingSequence() async throws {
        try await withTestRuntime { test async throws in
            let producer = try await SequenceProducer<Counting>.start(
                Counting(taken: Seen(), limit: 3, fails: true))
            await #expect(throws: ExitSignal.self) { for try await _ in producer.events() {} }
            let endless = try await SequenceProducer<Counting>.start(Counting(taken: Seen(), limit: .max))
            for try await number in endless.events() where number == 5 { break }
            endless.pid.kill()
            await test.settle()
        }
    }

    @Test("a process for each event, never more than the subscription's maximum, all ended with the supervisor")
    func supervisor() async throws {
        try await withTestRuntime { test async throws in
            let running = Seen()
            let numbers = try await Counters<ByDemand>.start(20)
            let workers = try await ConsumerSupervisor<Int>.start { number in
                Job.child((number % 4 + 1, running), restart: .temporary)
            }
            workers.subscribe(to: numbers, demand: 1...4, cancel: .temporary)
            _ = try await numbers.pid.waitForExit()
            await test.clock.advance(by: .milliseconds(20))
            var (now, most) = (0, 0)
            for change in running.all {
                now += change
                most = max(most, now)
            }
            #expect(now == 0 && most == 4 && running.count == 40)
            let others = try await Counters<ByDemand>.start(.max)
            workers.subscribe(to: others, demand: 1...4)
            await test.clock.advance(by: .milliseconds(1))
            try await workers.stop()
            #expect(running.all.reduce(0, +) == 0)
            try await others.stop()
            await test.settle()
        }
    }
}

@Suite("Races of bridges", .tags(.systematic))
struct BridgeRaceTests {
    @Test("a supervisor of events that ends while children are being started, run or end leaves none of them (R18)")
    func supervisorEnds() async throws {
        try await explore(seeds: 0..<300) { test in
            var random = test.random
            let running = Seen()
            let delay = Duration.milliseconds(Int.random(in: 0..<4, using: &random))
            let isSlow = Bool.random(using: &random)
            let numbers = try await Counters<ByDemand>.start(20)
            let workers = try await ConsumerSupervisor<Int>.start { number in
                ChildSpec(id: "job") {
                    if isSlow { try await test.clock.sleep(for: .milliseconds(1)) }
                    return try await Job.startLink((number % 3 + 1, running)).pid
                }
            }
            workers.subscribe(to: numbers, demand: 1...4, cancel: .temporary)
            try await test.clock.sleep(for: delay)
            for _ in 0..<Int.random(in: 0..<9, using: &random) { await Task.yield() }
            let isKilled = Bool.random(using: &random)
            if isKilled { workers.pid.kill() } else { try await workers.stop() }
            // In good order: when it is gone, so are they.
            if !isKilled { #expect(test.processes.filter { $0 != numbers.pid } == []) }
            numbers.pid.kill()
            await test.clock.advance(by: .milliseconds(10))
            test.assertNothingLeft()
        }
    }

    @Test("a producer over a sequence that is killed or stopped at any moment leaves no reader")
    func sequenceEnds() async throws {
        try await explore(seeds: 0..<200) { test in
            var random = test.random
            let (taken, seen) = (Seen(), Seen())
            let numbers = try await SequenceProducer.start(Counting(taken: taken, limit: 20))
            let sink = try await Sink.start(.init(seen: seen))
            sink.subscribe(to: numbers, demand: 1...4, cancel: .temporary)
            for _ in 0..<Int.random(in: 0..<60, using: &random) { await Task.yield() }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: numbers.pid.kill()
            case 1: try? await numbers.stop()
            case 2: sink.pid.kill()
            default: break
            }
            await test.clock.runUntilIdle()
            #expect(seen.all == Array(0..<seen.count))
            numbers.pid.kill()
            sink.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("several loops over one producer, left at any moment: each event at most once, no reader is left")
    func loopsEnd() async throws {
        try await explore(seeds: 0..<200) { test in
            var random = test.random
            let numbers = try await Counters<ByDemand>.start(40)
            let loops = (0..<3).map { _ in
                let end = Int.random(in: 0..<30, using: &random)
                return Task {
                    var read: [Int] = []
                    do {
                        for try await number in numbers.events(demand: 1...3) {
                            read.append(number)
                            if read.count > end { break }
                        }
                    } catch { Issue.record("\(error)") }
                    return read
                }
            }
            for _ in 0..<Int.random(in: 0..<200, using: &random) { await Task.yield() }
            if Bool.random(using: &random) { loops[0].cancel() }
            var all: [Int] = []
            for loop in loops { all += await loop.value }
            #expect(Set(all).count == all.count)
            numbers.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
