// SPDX-License-Identifier: Apache-2.0
// What a producer owes its consumers, in random worlds: never more delivered than asked for, none lost, none twice, order
// kept, and the stage never asked twice for the same.

import MartletTestKit
import Testing

@testable import Martlet

/// An outflow beside what is known of it from outside.
private struct World {
    enum Kind: CaseIterable { case demand, broadcast, filtered, partition }

    let kind: Kind
    var outflow: Outflow<Int>
    var random: SeededGenerator
    var nextEvent = 0
    var nextID: UInt64 = 0
    var asked: [UInt64: Int] = [:]
    var got: [UInt64: [Int]] = [:]
    /// What a consumer of a broadcast may have seen at the earliest.
    var since: [UInt64: Int] = [:]
    var partitions: [UInt64: Int] = [:]
    var told = 0
    var emitted = 0

    init(_ kind: Kind, _ seed: UInt64, _ buffer: StageBuffer) {
        self.kind = kind
        random = SeededGenerator(seed: seed)
        let dispatcher: Dispatcher<Int> =
            switch kind {
            case .demand: .demand
            case .broadcast, .filtered: .broadcast
            case .partition: .partition(3) { $0 % 3 }
            }
        outflow = Outflow(dispatcher, buffer)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: try join()
        case 1:
            if let id = outflow.lanes.randomElement(using: &random)?.id, Bool.random(using: &random) {
                outflow.leave(id)
            }
        case 2...5:
            if let id = outflow.lanes.randomElement(using: &random)?.id {
                let count = Int.random(in: 1..<20, using: &random)
                outflow.ask(id, count)
                asked[id, default: 0] += count
            }
        case 6...8:
            let need = outflow.takeNeed()
            told += need
            if need > 0 { try emit(Int.random(in: 0...need, using: &random)) }
        case 9: try emit(Int.random(in: 0..<5, using: &random))
        default: break
        }
        var delivered: [(UInt64, [Int])] = []
        _ = outflow.deliver { delivered.append(($0, $1)) }
        for (id, events) in delivered { got[id, default: []] += events }
        // Never more than asked for, at any time; the rest now and then, as it looks at all that ever was.
        for (id, _) in delivered { try #require(got[id, default: []].count <= asked[id, default: 0]) }
        if Int.random(in: 0..<15, using: &random) == 0 { try check() }
    }

    private mutating func join() throws {
        nextID += 1
        let id = nextID
        let partition =
            kind == .partition
            ? (0..<3).first { number in
                !outflow.lanes.contains { $0.partition == number }
            } : nil
        if kind == .partition, partition == nil { return }
        var accepts: (@Sendable (Int) -> Bool)?
        if kind == .filtered { accepts = { $0 % 4 != Int(id % 4) } }
        try outflow.join(id, partition: partition, accepts: accepts)
        partitions[id] = partition
        since[id] = nextEvent - outflow.buffered
    }

    private mutating func emit(_ count: Int) throws {
        try outflow.add(Array(nextEvent..<nextEvent + count))
        nextEvent += count
        emitted += count
    }

    private func check() throws {
        for (id, events) in got {
            try #require(events.count <= asked[id, default: 0])
            try #require(zip(events, events.dropFirst()).allSatisfy { $0 < $1 })
            if let partition = partitions[id] { try #require(events.allSatisfy { $0 % 3 == partition }) }
        }
        // Nothing is kept for a consumer that wants it.
        try #require(outflow.wanted <= 0 || outflow.buffered == 0 || kind == .partition)
        let delivered = got.values.reduce(0) { $0 + $1.count }
        switch kind {
        case .demand, .partition:
            try #require(delivered + outflow.buffered + outflow.dropped == emitted)
            try #require(Set(got.values.joined()).count == delivered)
            // Asked for no more than consumers ever wanted, but again for what was dropped.
            try #require(told <= asked.values.reduce(0, +) + outflow.dropped)
        case .broadcast, .filtered:
            // Each has all that was handed out since it came, but for what it refuses.
            guard outflow.dropped == 0 else { return }
            for lane in outflow.lanes {
                let end = nextEvent - outflow.buffered
                let expected = (since[lane.id, default: 0]..<max(end, since[lane.id, default: 0])).filter {
                    kind != .filtered || $0 % 4 != Int(lane.id % 4)
                }
                try #require(got[lane.id, default: []] == expected)
            }
        }
    }
}

@Suite("Outflow")
struct OutflowTests {
    @Test("never more than asked for, none lost, none twice, in order", arguments: World.Kind.allCases)
    private func worlds(_ kind: World.Kind) async throws {
        for seed in 0..<1_000 {
            var world = World(
                kind, UInt64(seed), seed % 2 == 0 ? StageBuffer() : StageBuffer(capacity: 7, keepsNewest: seed % 4 == 1)
            )
            for _ in 0..<60 {
                do { try world.step() } catch {
                    Issue.record("seed \(seed): \(error)")
                    return
                }
            }
            // Others have limits of real time.
            await Task.yield()
        }
    }

    @Test("the one that wants most gets the next")
    func mostWanting() throws {
        var outflow = Outflow<Int>(.demand, StageBuffer())
        for id in 1...3 as ClosedRange<UInt64> { try outflow.join(id) }
        outflow.ask(1, 2)
        outflow.ask(2, 5)
        outflow.ask(3, 1)
        #expect(outflow.takeNeed() == 8)
        try outflow.add(Array(0..<7))
        var log: [String] = []
        _ = outflow.deliver { log.append("\($0): \($1)") }
        #expect(log == ["2: [0, 1, 2, 3, 4]", "1: [5, 6]"])
        #expect(outflow.takeNeed() == 0)
    }

    @Test("what a consumer that left had asked for is not asked for again")
    func left() throws {
        var outflow = Outflow<Int>(.demand, StageBuffer())
        try outflow.join(1)
        outflow.ask(1, 10)
        #expect(outflow.takeNeed() == 10)
        outflow.leave(1)
        try outflow.join(2)
        outflow.ask(2, 12)
        #expect(outflow.takeNeed() == 2)
    }

    @Test("a full buffer keeps the newest, or the oldest")
    func buffer() throws {
        for (keepsNewest, kept) in [(true, [3, 4]), (false, [0, 1])] {
            var outflow = Outflow<Int>(.demand, StageBuffer(capacity: 2, keepsNewest: keepsNewest))
            try outflow.add(Array(0..<5))
            #expect(outflow.deliver { _, _ in } == 3)
            try outflow.join(1)
            outflow.ask(1, 9)
            var got: [Int] = []
            _ = outflow.deliver { got += $1 }
            #expect(got == kept && outflow.dropped == 3 && outflow.takeNeed() == 7)
        }
    }

    @Test("wrong subscriptions are refused")
    func refused() throws {
        var demand = Outflow<Int>(.demand, StageBuffer())
        #expect(throws: StageError.self) { try demand.join(1, partition: 0) }
        var partition = Outflow<Int>(.partition(2) { $0 }, StageBuffer())
        try partition.join(1, partition: 1)
        for number in [nil, 1, 2, -1] {
            #expect(throws: StageError.self) { try partition.join(2, partition: number) }
        }
        #expect(throws: StageError.self) { try partition.add([5]) }
    }

    @Test("demand beyond counting does not overflow")
    func endless() throws {
        var outflow = Outflow<Int>(.demand, StageBuffer())
        for id in 1...3 as ClosedRange<UInt64> {
            try outflow.join(id)
            for _ in 0..<3 { outflow.ask(id, .max) }
        }
        #expect(outflow.takeNeed() == 3 * OutflowLane.askedMax)
    }

    @Test("a consumer asks for more when its minimum is left, never for more than its maximum")
    func intake() {
        let subscription = Subscription(.none, .none, 3...10)
        var intake = Intake(subscription, .permanent, MonitorRef(raw: 0))
        #expect(intake.begin() == [7, 3])
        #expect(intake.handled(6) == 0)
        #expect(intake.handled(1) == 7)
        #expect(intake.batchMax == 7)
        var manual = Intake(subscription, .permanent, MonitorRef(raw: 0))
        manual.isManual = true
        #expect(manual.begin().isEmpty && manual.handled(5) == 0)
    }
}
