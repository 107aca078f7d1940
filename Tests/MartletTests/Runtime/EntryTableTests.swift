// SPDX-License-Identifier: Apache-2.0
// The table below registries, against a plain model, and under readers and writers on many threads.

import Testing

@testable import Martlet

@Suite("EntryTable", .timeLimit(.minutes(5)))
struct EntryTableTests {
    /// A key of few hashes, so that probes, gone cells and rings of one hash all occur.
    private struct Key: Hashable {
        let number: Int
        func hash(into hasher: inout Hasher) { hasher.combine(number / 3) }
    }

    private struct Expected: Equatable {
        let key: Int
        let pid: UInt64
        var value: Int
    }

    private func check(_ table: _EntryTable<Key, Int>, _ model: [Expected], keys: Int) {
        #expect(table.count == model.count)
        for number in 0..<keys {
            var found: [Expected] = []
            table.forEach(Key(number: number)) { found.append(Expected(key: number, pid: $0, value: $1)) }
            let expected = model.filter { $0.key == number }
            #expect(found == expected)
            #expect(table.pid(Key(number: number)) == expected.first?.pid ?? 0)
        }
        let all = table.all()
        #expect(all.map(\.value).sorted() == model.map(\.value).sorted())
    }

    /// Until nobody holds garbage back; readers of other tests do.
    private func settle<K, V>(_ table: _EntryTable<K, V>) async {
        await eventually {
            table.limbo.sweep()
            return table.limbo.isEmpty
        }
    }

    @Test(
        "any sequence of changes leaves what a plain list would hold", .tags(.unit), arguments: [true, false], [1, 4])
    func model(isUnique: Bool, partitions: Int) async throws {
        try await withRuntime { _ in
            let pids = (0..<4).map { _ in Subscriber().pid.raw }
            for seed in 0..<30 {
                var random = Sequence(state: UInt64(seed) + 1)
                let keys = [3, 40, 400][seed % 3]
                let table = _EntryTable<Key, Int>(isUnique: isUnique, partitions: partitions)
                var model: [Expected] = []
                for step in 0..<600 {
                    let (number, pid) = (random.below(keys), pids[random.below(4)])
                    let key = Key(number: number)
                    // Fills up first, thins out later: cells grow and shrink.
                    switch random.below(step < 300 ? 8 : 14) {
                    case 0:
                        guard let at = model.firstIndex(where: { $0.key == number && $0.pid == pid }) else { continue }
                        // Which of several is changed is not said: make them one.
                        let limit = model.count { $0.key == number && $0.pid == pid }
                        guard limit == 1 else { continue }
                        #expect(table.update(key, of: pid) { $0 + 1_000 } == model[at].value + 1_000)
                        model[at].value += 1_000
                    case 1...7:
                        switch table.insert(key, step, of: pid) {
                        case .taken(let holder):
                            #expect(isUnique && model.contains { $0.key == number && $0.pid == holder })
                        case .inserted(_, let isWatched):
                            #expect(!isWatched)
                            model.append(Expected(key: number, pid: pid, value: step))
                        }
                    case 13 where random.below(10) == 0:
                        let cleaned = table.clean(pid).map(\.number).sorted()
                        #expect(cleaned == model.filter { $0.pid == pid }.map(\.key).sorted())
                        model.removeAll { $0.pid == pid }
                    default:
                        let count = model.count { $0.key == number && $0.pid == pid }
                        #expect(table.remove(key, of: pid) == count)
                        model.removeAll { $0.key == number && $0.pid == pid }
                    }
                    if step % 100 == 0 { check(table, model, keys: keys) }
                }
                check(table, model, keys: keys)
                for pid in pids {
                    #expect(
                        table.keys(of: pid).map(\.number).sorted() == model.filter { $0.pid == pid }.map(\.key).sorted()
                    )
                    _ = table.clean(pid)
                }
                check(table, [], keys: keys)
                #expect(table.index.processes.isEmpty)
                await settle(table)
            }
        }
    }

    /// A value that would be seen to be freed.
    private final class Canary: Sendable {
        let number: Int
        let tracked: Tracked
        init(_ number: Int, _ census: Census) {
            self.number = number
            tracked = Tracked(census)
        }
    }

    @Test(
        "readers find what is there throughout and nothing that is freed, while others change the table",
        .tags(.stress, .leak), arguments: [true, false])
    func hammer(isUnique: Bool) async throws {
        try await withRuntime { _ in
            let census = Census()
            let pids = (0..<4).map { _ in Subscriber().pid.raw }
            do {
                let table = _EntryTable<String, Canary>(isUnique: isUnique, partitions: 2)
                for number in 0..<50 { _ = table.insert("kept \(number)", Canary(number, census), of: pids[0]) }
                await withTaskGroup(of: Void.self) { group in
                    for writer in 0..<3 {
                        group.addTask { await onThread { churn(table, pids[writer + 1], writer, census) } }
                    }
                    for _ in 0..<2 { group.addTask { await onThread { look(table, pids[0]) } } }
                }
                for pid in pids[1...] { _ = table.clean(pid) }
                #expect(table.count == 50)
                await settle(table)
                #expect(census.alive == 50)
            }
            // A thread that has said that it is done may hold the table for a moment still.
            await eventually { census.alive == 0 }
        }
    }

    private func churn(_ table: _EntryTable<String, Canary>, _ pid: UInt64, _ writer: Int, _ census: Census) {
        var random = Sequence(state: UInt64(writer) + 1)
        for step in 0..<20_000 {
            let key = "key \(random.below(60))"
            switch random.below(5) {
            case 0, 1: _ = table.insert(key, Canary(step, census), of: pid)
            case 2: _ = table.update(key, of: pid) { Canary($0.number + 1, census) }
            default: _ = table.remove(key, of: pid)
            }
            if step % 5_000 == 0 { _ = table.clean(pid) }
        }
    }

    private func look(_ table: _EntryTable<String, Canary>, _ kept: UInt64) {
        for step in 0..<40_000 {
            if table.pid("kept \(step % 50)") != kept { Issue.record("a kept entry was not found") }
            var sum = 0
            table.forEach("key \(step % 60)") { _, canary in sum += canary.number }
            if step % 1_000 == 0 { _ = table.all() }
        }
    }

    @Test("what a reader held back is ended when it has left", .tags(.leak))
    func heldBack() async throws {
        try await withRuntime { test in
            let census = Census()
            let registry = Registry<Int, Tracked>("held")
            try await registry.start()
            let owner = Subscriber()
            await owner.run { try? registry.register(1, Tracked(census)) }
            let gate = Gate()
            let reader = Task.detached { await onThread { _ReadSection.run { gate.passHoldingWorker() } } }
            await gate.arrived()
            await owner.run { registry.unregister(1) }
            #expect(registry.pid(1) == nil && census.alive == 1)
            gate.open()
            await reader.value
            // Its server was asked to look again, and does when its pause is over.
            await eventually {
                await test.advance(by: .milliseconds(2))
                return census.alive == 0
            }
        }
    }

    /// A small generator, the same everywhere.
    private struct Sequence {
        var state: UInt64
        mutating func below(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
    }
}
