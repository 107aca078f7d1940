// SPDX-License-Identifier: Apache-2.0
// Stores at their edges: what is synced, names of any characters, journals that come back after they were deleted, a
// database that stays locked.

import Foundation
import GRDB
import Martlet
import MartletPersistence
import MartletTestKit
import Testing

@testable import MartletSQLite

@Suite("Store edges", .sharesPostgreSQL, .timeLimit(.minutes(5)))
struct StoreEdgeTests {
    @Test("what is committed is synced: a write-ahead log, and synchronous=FULL (S44)")
    func synced() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database)
        let (mode, synchronous) = try await store.database.read {
            (try String.fetchOne($0, sql: "PRAGMA journal_mode"), try Int.fetchOne($0, sql: "PRAGMA synchronous"))
        }
        #expect(mode == "wal" && synchronous == 2)
    }

    @Test(
        "names differ when the strings do, whatever characters are in them",
        arguments: StoreKind.all)
    func names(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let names = ["", "a", "a\u{0}", "a\u{0}b", "A", "a ", "a'; DROP TABLE events; --", "\u{65}\u{301}", "🕊"]
        for (index, name) in names.enumerated() {
            try await store.append([[UInt8(index)]], to: try await store.open(name).id, after: 0)
        }
        for (index, name) in names.enumerated() {
            #expect(try await store.open(name).events == [[UInt8(index)]], "\(name.debugDescription)")
        }
        // Equal strings are one name, however they are spelt.
        #expect(try await store.open("\u{e9}").events == [[7]])
    }

    @Test("one that is fenced among many that are stored together fails alone")
    func fencedAmongMany() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database)
        var ids = try await (0..<20).asyncMap { try await store.open("\($0)").id }
        ids.append(ids[0])
        ids[0] = try await store.open("0").id
        let words = await withTaskGroup(of: String.self) { group in
            for id in ids { group.addTask { await word { try await store.append([[1]], to: id, after: 0) } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(words.filter { $0 == "done" }.count == 20 && words.contains("\(StoreError.fenced)"))
        for id in ids.dropLast() { #expect(try await store.open(id.name).events == [[1]]) }
    }

    @Test("while another program holds the database, all that waits fails after one wait, not one behind the other")
    func busyTogether() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database, busyTimeout: .seconds(1))
        let ids = try await (0..<50).asyncMap { try await store.open("\($0)").id }
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: folder.database, configuration: configuration)
        try await other.writeWithoutTransaction { try $0.beginTransaction(.immediate) }
        let took = try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: String.self) { group in
                for id in ids { group.addTask { await word { try await store.append([[1]], to: id, after: 0) } } }
                for try await word in group { #expect(word == "\(StoreError.busy)") }
            }
        }
        // One behind the other it is 50 s.
        #expect(took < .seconds(25))
        try await other.writeWithoutTransaction { try $0.commit() }
        try await store.append([[1]], to: ids[0], after: 0)
    }
}

@Suite("Journal races")
struct JournalRaceTests {
    @Test("killed at any moment, by two at once: nothing acknowledged is lost, no count is given twice (S44)")
    func kills() async throws {
        try await explore(seeds: 0..<150) { test in
            var random = test.random
            let store = SlowStore()
            let name: DurableCounter.Name = "counter"
            let tree = try await Supervisor.start(maxRestarts: 100) {
                DurableCounter.child(.init(store: store, snapshotEvery: 3), name: name)
            }
            let acknowledged = _Locked<[Int]>([])
            let clients = (0..<3).map { _ in
                Task {
                    for _ in 0..<4 {
                        guard let count = try? await name.increment() else { continue }
                        acknowledged.withLock { $0.append(count) }
                    }
                }
            }
            let isCancelled = Bool.random(using: &random)
            for _ in 0..<3 {
                for _ in 0..<Int.random(in: 0..<25, using: &random) { await Task.yield() }
                switch Int.random(in: 0..<3, using: &random) {
                case 0: name.ref?.pid.kill()
                case 1:
                    // Another writer, which fences this one.
                    let other = try await DurableCounter.start(.init(store: store, snapshotEvery: 2))
                    if let count = try? await other.increment() { acknowledged.withLock { $0.append(count) } }
                    try await other.stop()
                    name.ref?.pid.kill()
                default: if isCancelled { clients[0].cancel() }
                }
            }
            for client in clients { await client.value }
            await test.clock.runUntilIdle()
            let all = acknowledged.withLock { $0 }
            try #require(Set(all).count == all.count, "\(all)")
            let found = try await store.open("counter")
            let count = Int(found.sequence) + found.events.count
            try #require(count >= all.max() ?? 0 && count <= 15, "\(count) of \(all)")
            try await tree.stop()
            test.assertNothingLeft()
        }
    }
}

/// Keeps in memory, and takes its time.
private final class SlowStore: DurableStore {
    private let store = MemoryStore()

    private func wait() async { for _ in 0..<3 { await Task.yield() } }

    func open(_ name: String) async throws(StoreError) -> StoredJournal {
        await wait()
        let journal = try await store.open(name)
        await wait()
        return journal
    }

    func append(_ events: [[UInt8]], to journal: JournalID, after sequence: UInt64) async throws(StoreError) {
        await wait()
        try await store.append(events, to: journal, after: sequence)
        await wait()
    }

    func saveSnapshot(_ snapshot: [UInt8], of journal: JournalID, at sequence: UInt64) async throws(StoreError) {
        await wait()
        try await store.saveSnapshot(snapshot, of: journal, at: sequence)
        await wait()
    }

    func delete(_ name: String) async throws(StoreError) { try await store.delete(name) }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async throws -> [T] {
        var all: [T] = []
        for element in self { all.append(try await transform(element)) }
        return all
    }
}
