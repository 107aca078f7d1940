// SPDX-License-Identifier: Apache-2.0
// One server in several copies.

import MartletTestKit
import Testing

@testable import Martlet

/// Counts what it is told, and says which copy it is.
private struct Tally: GenServer {
    enum Call { case add(From<Int>), index(From<Int>) }
    enum Cast { case fail }
    private let index: Int
    private var count = 0

    init(_ index: Int) { self.index = index }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .add(let from):
            count += 1
            return from.reply(count)
        case .index(let from): return from.reply(index)
        }
    }
    mutating func handleCast(_ cast: Cast) throws -> Next { throw Failure() }
}

/// Takes its time to end.
private struct Clinging: AsyncGenServer, ~Copyable {
    enum Cast { case fail }
    let clock: VirtualClock
    init(_ clock: VirtualClock) async { self.clock = clock }
    mutating func handleCast(_ cast: Cast) async throws -> Next { throw Failure() }
    mutating func terminate(_ reason: ExitReason) async {
        if case .shutdown = reason { try? await clock.sleep(for: .seconds(100)) }
    }
}

@Suite("PartitionSupervisor")
struct PartitionSupervisorTests {
    private typealias Tallies = PartitionSupervisor<Tally>

    @Test("equal keys have one copy, keys are spread over all, by reference and by name")
    func routing() async throws {
        try await withTestRuntime { test in
            let name: Tallies.Name = "tallies"
            let tallies = try await Tallies.start(.init(partitions: 4) { $0 }, name: name)
            var copies: Set<Int> = []
            for key in 0..<100 {
                let index = try await tallies.name(for: key).call { .index($0) }
                #expect(try await name.name(for: key).call { .index($0) } == index)
                copies.insert(index)
            }
            #expect(copies == [0, 1, 2, 3])
            #expect(try await tallies.partitions().compactMap { $0 }.count == 4)
            try await tallies.stop()
            #expect(tallies.name(for: 1).ref == nil)
            test.assertNothingLeft()
        }
    }

    @Test("a copy that fails comes back under its keys; the others keep their state")
    func restarts() async throws {
        try await withTestRuntime { test in
            let tallies = try await Tallies.start(.init(partitions: 2) { $0 })
            let keys = try await [0, 1].asyncMap { index in
                try await (0..<100).asyncFirst { key in
                    try await tallies.name(for: key).call { .index($0) } == index
                }
            }
            for key in keys { #expect(try await tallies.name(for: key).call { .add($0) } == 1) }
            let before = tallies.name(for: keys[0]).ref
            before?.cast(.fail)
            try await eventually { tallies.name(for: keys[0]).ref.map { $0 != before } ?? false }
            #expect(try await tallies.name(for: keys[0]).call { .add($0) } == 1)
            #expect(try await tallies.name(for: keys[1]).call { .add($0) } == 2)
            try await tallies.stop()
            test.assertNothingLeft()
        }
    }

    @Test(
        "the number of copies changes both ways, and every key has one",
        arguments: [[1, 5], [6, 2, 6], [3, 1, 8, 4]])
    func resizes(sizes: [Int]) async throws {
        try await withTestRuntime { test in
            let tallies = try await Tallies.start(.init(partitions: 4) { $0 })
            for size in sizes {
                try await tallies.resize(to: size)
                try await eventually { try await tallies.partitions().allSatisfy { $0 != nil } }
                #expect(try await tallies.partitions().count == size)
                var copies: Set<Int> = []
                for key in 0..<200 { copies.insert(try await tallies.name(for: key).call { .index($0) }) }
                #expect(copies == Set(0..<size))
            }
            try await tallies.stop()
            test.assertNothingLeft()
        }
    }

    @Test("while copies of a resize take their time to end, others are restarted, and a second resize waits its turn")
    func slowResize() async throws {
        try await withTestRuntime { test in
            let copies = try await PartitionSupervisor<Clinging>.start(.init(partitions: 3) { _ in test.clock })
            let began = test.runtime.uptime
            let resized = Task { try await copies.resize(to: 1) }
            try await eventually { try await copies.partitions().count == 1 }
            let resizedAgain = Task { try await copies.resize(to: 2) }
            let first = try #require(try await copies.partitions()[0])
            copies.name(for: 0).ref?.cast(.fail)
            try await eventually { try await copies.partitions()[0].map { $0 != first } ?? false }
            #expect(test.runtime.uptime - began < .seconds(5))
            try await resized.value
            try await resizedAgain.value
            #expect(test.runtime.uptime - began == .seconds(5))
            try await eventually { try await copies.partitions().compactMap { $0 }.count == 2 }
            copies.pid.kill()
            await test.clock.advance(by: .seconds(200))
            test.assertNothingLeft()
        }
    }

    @Test("resizes against each other and against crashes: each is answered, and in the end every key has its copy")
    func resizesAtOnce() async throws {
        try await explore(seeds: 0..<500) { test in
            var argument = Tallies.Argument(partitions: 4) { $0 }
            argument.budget = RestartBudget(maxRestarts: 100)
            let tallies = try await Tallies.start(argument)
            var random = SplitMix(state: test.seed)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    let size = 1 + Int(random.unit() * 6)
                    group.addTask { try? await tallies.resize(to: size) }
                    tallies.name(for: size).ref?.cast(.fail)
                    if random.unit() < 0.5 { await Task.yield() }
                }
            }
            try await eventually { try await tallies.partitions().allSatisfy { $0 != nil } }
            let count = try await tallies.partitions().count
            for key in 0..<20 { #expect(try await tallies.name(for: key).call { .index($0) } < count) }
            try await tallies.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a killed supervisor takes its copies along, and its names lead nowhere")
    func killed() async throws {
        try await withTestRuntime { test in
            let tallies = try await Tallies.start(.init { $0 })
            let name = tallies.name(for: "key")
            #expect(name.ref != nil)
            tallies.pid.kill()
            await test.clock.runUntilIdle()
            #expect(name.ref == nil)
            test.assertNothingLeft()
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async throws -> [T] {
        var all: [T] = []
        for element in self { all.append(try await transform(element)) }
        return all
    }

    fileprivate func asyncFirst(_ isWanted: (Element) async throws -> Bool) async throws -> Element {
        for element in self where try await isWanted(element) { return element }
        throw Failure()
    }
}
