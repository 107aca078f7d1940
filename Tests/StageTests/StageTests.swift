// SPDX-License-Identifier: Apache-2.0
// Producers, consumers and what is between them (S45).

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Stage")
struct StageTests {
    @Test("events flow as they are asked for, through a stage in the middle, to the end, in order")
    func pipeline() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(100)
            let times = try await Times.start(.init(source: numbers.pid, factor: 2))
            let sink = try await Sink.start(.init(seen: seen))
            sink.subscribe(to: times, demand: 2...7)
            // The end of the producer ends the others, behind the last event.
            _ = try await sink.pid.waitForExit()
            #expect(seen.all == (0..<100).flatMap { [$0, $0] })
            await test.settle()
        }
    }

    @Test("a producer is asked for no more than its consumers want, in parts that overlap with their work")
    func demand() async throws {
        try await withTestRuntime { test async throws in
            let (seen, batches) = (Seen(), Seen())
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Sink.start(.init(seen: seen, failsAt: 30, batches: batches))
            sink.subscribe(to: numbers, demand: 4...10)
            _ = try await sink.pid.waitForExit()
            #expect(try await numbers.call { .asked($0) }.prefix(3) == [6, 4, 6])
            #expect(batches.all.max() == 6)
            #expect(seen.count <= 30)
            try await numbers.stop()
            await test.settle()
        }
    }

    @Test("manual demand: the stage asks, and gets no more")
    func manual() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Sink.start(.init(seen: seen, isManual: true))
            let subscription = sink.subscribe(to: numbers)
            await test.clock.runUntilIdle()
            #expect(seen.all.isEmpty)
            subscription.ask(3)
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            subscription.cancel()
            _ = try await sink.pid.waitForExit()
            try await numbers.stop()
            await test.settle()
        }
    }

    @Test("a broadcast gives each event to all, at the pace of the slowest; filters cost no demand")
    func broadcast() async throws {
        try await withTestRuntime { test async throws in
            let (all, even, slow) = (Seen(), Seen(), Seen())
            let numbers = try await Counters<Broadcasting>.start(1_000)
            let first = try await Sink.start(.init(seen: all))
            let second = try await Sink.start(.init(seen: even))
            let third = try await Sink.start(.init(seen: slow, isManual: true))
            let subscription = third.subscribe(to: numbers, cancel: .temporary)
            await test.clock.runUntilIdle()
            second.subscribe(to: numbers, demand: 1...3, cancel: .temporary) { $0.isMultiple(of: 2) }
            await test.clock.runUntilIdle()
            first.subscribe(to: numbers, demand: 1...10, cancel: .temporary)
            await test.clock.runUntilIdle()
            #expect(all.all.isEmpty)
            subscription.ask(2)
            await test.clock.runUntilIdle()
            #expect(all.all == [0, 1] && slow.all == [0, 1] && even.all == [0])
            // Without the slowest the others go on, and the filter starves nobody.
            third.pid.kill()
            _ = try await numbers.pid.waitForExit()
            await test.clock.runUntilIdle()
            #expect(all.all == Array(0..<1_000) && even.all == (0..<500).map { $0 * 2 })
            for sink in [first, second] { try await sink.stop() }
            await test.settle()
        }
    }

    @Test("partitions get their own events, and each only one consumer")
    func partition() async throws {
        try await withTestRuntime { test async throws in
            let seen = [Seen(), Seen()]
            let numbers = try await Counters<Partitioned>.start(500)
            var sinks: [Sink.Ref] = []
            for part in 0..<2 {
                sinks.append(try await Sink.start(.init(seen: seen[part])))
                sinks[part].subscribe(to: numbers, demand: 1...(part + 3), cancel: .temporary, partition: part)
            }
            let third = try await Sink.start(.init(seen: Seen()))
            third.subscribe(to: numbers, partition: 1)
            guard case .error(StageError.partitionTaken(1)) = try await third.pid.waitForExit() else {
                Issue.record("two consumers of one partition"); return
            }
            _ = try await numbers.pid.waitForExit()
            await test.clock.runUntilIdle()
            for part in 0..<2 { #expect(seen[part].all.allSatisfy { $0 % 2 == part }) }
            #expect(seen[0].count == 250 && seen[1].count == 250)
            for sink in sinks { try await sink.stop() }
            await test.settle()
        }
    }

    @Test("what nobody asks for is buffered, and what does not fit is counted")
    func buffer() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<Cramped>.start(.max)
            numbers.cast(.emit(10))
            _ = try await numbers.call { .asked($0) }
            var statistics = try #require(numbers.stageStatistics())
            #expect(statistics.emitted == 10 && statistics.buffered == 3 && statistics.dropped == 7)
            let sink = try await Sink.start(.init(seen: seen, isManual: true))
            let subscription = sink.subscribe(to: numbers)
            subscription.ask(2)
            await test.clock.runUntilIdle()
            #expect(seen.all == [7, 8])
            subscription.ask(2)
            await test.clock.runUntilIdle()
            #expect(seen.all == [7, 8, 9, 10])
            statistics = try #require(numbers.stageStatistics())
            #expect(statistics.delivered == 4 && statistics.buffered == 0 && statistics.lost == 0)
            #expect(sink.stageStatistics()?.handled == 4)
            for stage in [numbers.pid, sink.pid] { stage.exit(.shutdown) }
            await test.clock.runUntilIdle()
            #expect(numbers.stageStatistics() == nil)
            await test.settle()
        }
    }

    @Test("a consumer that crashes mid-batch loses what it was sent, and the producer counts it")
    func lost() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Sink.start(.init(seen: seen, failsAt: 47))
            sink.subscribe(to: numbers, demand: 10...20)
            _ = try await sink.pid.waitForExit()
            await test.clock.runUntilIdle()
            let statistics = try #require(numbers.stageStatistics())
            #expect(seen.all == Array(0..<40))
            #expect(statistics.delivered == seen.count + statistics.lost && statistics.lost >= 10)
            // Another takes over where the first left off.
            let second = Seen()
            let other = try await Sink.start(.init(seen: second, isManual: true))
            other.subscribe(to: numbers).ask(1)
            await test.clock.runUntilIdle()
            #expect(second.all == [statistics.delivered])
            for stage in [numbers.pid, other.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }

    @Test(
        "the end of a producer ends a permanent consumer, a transient one if it was abnormal, a temporary one never",
        arguments: [true, false])
    func cancelModes(isAbnormal: Bool) async throws {
        try await withTestRuntime { test async throws in
            let numbers = try await Counters<ByDemand>.start(.max)
            let cancels = Seen()
            var sinks: [Sink.Ref] = []
            for cancel in [Subscription.Cancel.permanent, .transient, .temporary] {
                let sink = try await Sink.start(.init(seen: Seen(), isManual: true, cancels: cancels))
                sink.subscribe(to: numbers, cancel: cancel)
                sinks.append(sink)
            }
            await test.clock.runUntilIdle()
            if isAbnormal { numbers.pid.kill() } else { numbers.cast(.stop(.normal)) }
            await test.clock.runUntilIdle()
            #expect(sinks.map(\.pid.isAlive) == [false, !isAbnormal, true])
            #expect(cancels.all == Array(repeating: isAbnormal ? 1 : 0, count: 3))
            for sink in sinks { sink.pid.kill() }
            await test.settle()
        }
    }

    @Test("a producer that is not there is one that ended")
    func noProducer() async throws {
        try await withTestRuntime { test async throws in
            let sink = try await Sink.start(.init(seen: Seen()))
            let name: Counters<ByDemand>.Name = "nobody"
            sink.subscribe(to: name)
            guard case .noProcess = try await sink.pid.waitForExit() else { Issue.record("another reason"); return }
            await test.settle()
        }
    }

    @Test("a subscription that is cancelled at once ends on both sides, whoever cancels it")
    func cancel() async throws {
        try await withTestRuntime { test async throws in
            let (seen, cancels) = (Seen(), Seen())
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Sink.start(.init(seen: seen, isManual: true, cancels: cancels))
            let subscription = sink.subscribe(to: numbers, cancel: .temporary)
            subscription.cancel()
            subscription.ask(5)
            await test.clock.runUntilIdle()
            #expect(cancels.count == 1 && seen.count == 0 && sink.pid.isAlive)
            for stage in [numbers.pid, sink.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }

    @Test("a demand of zero, a negative one, equal bounds, oneself: each traps, and says where it was called")
    func badInput() async {
        let output = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let sink = try await Sink.start(.init(seen: Seen()))
            sink.subscribe(to: try await Counters<ByDemand>.start(1), demand: 5...5)
        }
        #if DEBUG
            let text = output.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
            #expect(text.contains("expected a demand from 0 or more up to something higher, got 5...5"))
            #expect(text.contains("StageTests.swift"))
        #endif
        await #expect(processExitsWith: .failure) {
            let sink = try await Sink.start(.init(seen: Seen()))
            sink.subscribe(to: try await Counters<ByDemand>.start(1), demand: -1...5)
        }
        await #expect(processExitsWith: .failure) {
            let times = try await Times.start(.init(source: .none, factor: 1))
            times.subscribe(to: times)
        }
        await #expect(processExitsWith: .failure) { Subscription(.none, .none, 0...1).ask(0) }
        await #expect(processExitsWith: .failure) { Subscription(.none, .none, 0...1).ask(-1) }
        await #expect(processExitsWith: .failure) { _ = StageBuffer(capacity: -1) }
        await #expect(processExitsWith: .failure) {
            var buffer = StageBuffer()
            buffer.capacity = -1
        }
        await #expect(processExitsWith: .failure) { _ = Dispatcher<Int>.partition(0) { $0 } }
    }

    @Test("several consumers share by demand, none gets what another got")
    func shared() async throws {
        try await explore(seeds: 0..<300) { test in
            let seen = (0..<3).map { _ in Seen() }
            let numbers = try await Counters<ByDemand>.start(200)
            for number in 0..<3 {
                let sink = try await Sink.start(.init(seen: seen[number], failsAt: number == 2 ? 57 : nil))
                sink.subscribe(to: numbers, demand: number...(number + 5))
            }
            _ = try await numbers.pid.waitForExit()
            await test.clock.runUntilIdle()
            let all = seen.flatMap(\.all)
            try #require(Set(all).count == all.count)
            for seen in seen { try #require(seen.all == seen.all.sorted()) }
            test.assertNothingLeft()
        }
    }
}

@Suite("Races of stages", .tags(.systematic), .serialized)
struct StageRaceTests {
    @Test("kills, cancels and ends anywhere in a pipeline: order kept, nothing twice, books balanced (F8)")
    func everything() async throws {
        try await explore(seeds: 0..<2_000) { test in
            var random = test.random
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(60)
            let times = try await Times.start(.init(source: numbers.pid, factor: Int.random(in: 0..<3, using: &random)))
            let sink = try await Sink.start(.init(seen: seen))
            let subscription = sink.subscribe(to: times, demand: 1...5, cancel: .transient)
            let (victim, wait) = (Int.random(in: 0..<5, using: &random), Int.random(in: 0..<40, using: &random))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<wait { await Task.yield() }
                    switch victim {
                    case 0: numbers.pid.kill()
                    case 1: times.pid.kill()
                    case 2: sink.pid.kill()
                    case 3: subscription.cancel()
                    default: break
                    }
                }
            }
            await test.clock.runUntilIdle()
            try #require(seen.all == seen.all.sorted())
            if let statistics = times.stageStatistics() {
                try #require(statistics.delivered == seen.count + statistics.lost)
            }
            for stage in [numbers.pid, times.pid, sink.pid] { stage.kill() }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}

extension TestRuntime {
    /// What is under way comes to its end, and leaves nothing.
    func settle(fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line) async {
        await clock.runUntilIdle()
        assertNothingLeft(fileID: fileID, filePath: filePath, line: line)
    }
}
