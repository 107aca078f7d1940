// SPDX-License-Identifier: Apache-2.0
// Bridges at their edges: sequences that end for reasons of their own, loops whose process is killed.

import MartletTestKit
import Testing

@testable import Martlet

private struct Broken: Error {}

/// Numbers up to a limit, then an error.
private struct Failing: AsyncSequence, Sendable {
    typealias Element = Int
    let limit: Int
    let error: (any Error)?
    /// The end waits for it.
    var gate: (@Sendable () async -> Void)?

    struct AsyncIterator: AsyncIteratorProtocol {
        let sequence: Failing
        var next = 0
        mutating func next() async throws -> Int? {
            if next == sequence.limit {
                await sequence.gate?()
                if let error = sequence.error { throw error }
                return nil
            }
            next += 1
            return next - 1
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(sequence: self) }
}

/// Reads a producer in a handler.
private struct Reader: AsyncGenServer {
    enum Cast { case read(Counters<ByDemand>.Ref) }
    init(_: Void) async throws {}
    mutating func handleCast(_ cast: Cast) async throws -> Next {
        guard case .read(let numbers) = cast else { return .wait }
        for try await _ in numbers.events(demand: 1...3) {}
        return .wait
    }
}

/// Maps in a handler.
private struct Mapper: AsyncGenServer {
    enum Cast { case map(VirtualClock) }
    init(_: Void) async throws {}
    mutating func handleCast(_ cast: Cast) async throws -> Next {
        guard case .map(let clock) = cast else { return .wait }
        for await _ in Tasks.stream(0..., concurrency: 3, timeout: nil, { try await clock.sleep(for: .seconds($0)) }) {}
        return .wait
    }
}

@Suite("Edges of bridges")
struct BridgeEdgeTests {
    @Test("what a sequence throws comes behind its elements, also the end of another stage", arguments: [0, 1, 2])
    func exitSignal(_ kind: Int) async throws {
        try await withTestRuntime { test async throws in
            let reason: ExitReason = [.error(Broken()), .normal, .shutdown][kind]
            let producer = try await SequenceProducer.start(Failing(limit: 3, error: ExitSignal(reason)))
            let seen = Seen()
            let sink = try await Sink.start(.init(seen: seen))
            sink.subscribe(to: producer)
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            #expect(!producer.pid.isAlive && !sink.pid.isAlive)
            for pid in [producer.pid, sink.pid] { pid.kill() }
            await test.settle()
        }
    }

    @Test("a sequence that ends when its reader has gone tells the next one")
    func endAfterReader() async throws {
        try await withTestRuntime { test async throws in
            let gone = Seen()
            let producer = try await SequenceProducer.start(
                Failing(limit: 3, error: nil) {
                    while gone.count == 0 { try? await test.clock.sleep(for: .seconds(1)) }
                })
            let first = try await Sink.start(.init(seen: Seen(), isManual: true))
            first.subscribe(to: producer).ask(10)
            await test.clock.runUntilIdle()
            first.pid.kill()
            await test.clock.runUntilIdle()
            gone.add([1])
            await test.clock.advance(by: .seconds(2))
            let second = try await Sink.start(.init(seen: Seen(), isManual: true))
            second.subscribe(to: producer).ask(5)
            await test.clock.runUntilIdle()
            #expect(!producer.pid.isAlive && !second.pid.isAlive)
            for pid in [producer.pid, second.pid] { pid.kill() }
            await test.settle()
        }
    }

    @Test("what a sequence gave to nobody is read by the next, who is told of its end then")
    func keptAfterReader() async throws {
        try await withTestRuntime { test async throws in
            let gone = Seen()
            let seen = Seen()
            let numbers = (0..<3).map { $0 }
            let slow = Failing(limit: 0, error: nil) {
                while gone.count == 0 { try? await test.clock.sleep(for: .seconds(1)) }
            }
            let producer = try await SequenceProducer.start(Chained(first: slow, then: numbers))
            let first = try await Sink.start(.init(seen: Seen(), isManual: true))
            first.subscribe(to: producer).ask(10)
            await test.clock.runUntilIdle()
            first.pid.kill()
            await test.clock.runUntilIdle()
            gone.add([1])
            await test.clock.advance(by: .seconds(2))
            #expect(producer.pid.isAlive)
            let second = try await Sink.start(.init(seen: seen, isManual: true))
            let subscription = second.subscribe(to: producer)
            subscription.ask(3)
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            subscription.ask(2)
            await test.clock.runUntilIdle()
            #expect(!producer.pid.isAlive && !second.pid.isAlive)
            for pid in [producer.pid, second.pid] { pid.kill() }
            await test.settle()
        }
    }

    @Test("loops over one partition, one after the other, each find it free")
    func loopsOverPartition() async throws {
        try await explore(seeds: 0..<200) { test in
            let numbers = try await Counters<Partitioned>.start(.max)
            var read: [Int] = []
            for _ in 0..<3 {
                for try await number in numbers.events(demand: 1...4, partition: 0) {
                    read.append(number)
                    break
                }
            }
            #expect(read.count == 3 && read == read.sorted())
            numbers.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a loop over a stage over a loop over a stage reads all of it in order, or as far as it goes")
    func chain() async throws {
        try await explore(seeds: 0..<300) { test in
            var random = test.random
            let numbers = try await Counters<ByDemand>.start(30)
            let again = try await SequenceProducer.start(numbers.events(demand: 1...4))
            let end = Int.random(in: 1..<40, using: &random)
            var read: [Int] = []
            for try await number in again.events(demand: 1...3) {
                read.append(number)
                if read.count == end { break }
            }
            try #require(read == Array(0..<min(30, end)))
            for stage in [again.pid, numbers.pid] { stage.kill() }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("the process of a loop is killed: its reader goes too, and takes no more events", arguments: [0, 1])
    func killedLoop(_ kind: Int) async throws {
        try await withTestRuntime { test async throws in
            let numbers = try await Counters<ByDemand>.start(.max)
            let pid: Pid
            if kind == 0 {
                pid =
                    spawn(Never.self) { _ in
                        for try await number in numbers.events(demand: 1...3) where number == 7 {
                            try await test.clock.sleep(for: .seconds(1))
                        }
                    }.pid
            } else {
                let reader = try await Reader.start()
                reader.cast(.read(numbers))
                pid = reader.pid
            }
            for _ in 0..<200 { await Task.yield() }
            #expect((numbers.stageStatistics()?.delivered ?? 0) > 0)
            pid.kill()
            await test.clock.runUntilIdle()
            #expect(test.processes == [numbers.pid])
            numbers.pid.kill()
            await test.settle()
        }
    }

    @Test("the process of a stream of tasks is killed: the workers go too", arguments: [0, 1])
    func killedStream(_ kind: Int) async throws {
        try await withTestRuntime { test async throws in
            let pid: Pid
            if kind == 0 {
                pid =
                    spawn(Never.self) { [clock = test.clock] _ in
                        for await _ in Tasks.stream(
                            0..., concurrency: 3, timeout: nil, { try await clock.sleep(for: .seconds($0)) })
                        {}
                    }.pid
            } else {
                let mapper = try await Mapper.start()
                mapper.cast(.map(test.clock))
                pid = mapper.pid
            }
            for _ in 0..<20 { await Task.yield() }
            pid.kill()
            await test.clock.runUntilIdle()
            #expect(test.processes == [])
            await test.settle()
        }
    }
}

/// The first, then numbers.
private struct Chained: AsyncSequence, Sendable {
    typealias Element = Int
    let first: Failing
    let then: [Int]
    struct AsyncIterator: AsyncIteratorProtocol {
        var first: Failing.AsyncIterator
        var rest: ArraySlice<Int>
        mutating func next() async throws -> Int? {
            if let next = try await first.next() { return next }
            return rest.popFirst()
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(first: first.makeAsyncIterator(), rest: then[...]) }
}
