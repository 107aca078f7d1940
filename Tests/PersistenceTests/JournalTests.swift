// SPDX-License-Identifier: Apache-2.0
// Journals: what is acknowledged is there again, in every store.

import Martlet
import MartletPersistence
import MartletTestKit
import Testing

@Suite("Journal", .sharesPostgreSQL, .timeLimit(.minutes(5)))
struct JournalTests {
    @Test("what was acknowledged is there after a stop, a crash and a kill (S44)", arguments: StoreKind.all)
    func survives(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        for round in 0..<3 {
            let counter = try await DurableCounter.start(.init(store: store, snapshotEvery: 4))
            #expect(try await counter.call { .get($0) } == round * 5)
            for step in 1...5 { #expect(try await counter.increment() == round * 5 + step) }
            if round == 0 { try await counter.stop() } else { counter.pid.kill() }
            _ = try await counter.pid.waitForExit()
        }
    }

    @Test("a store that is full or busy fails the transition, and nothing has changed")
    func failures() async throws {
        let store = MemoryStore()
        let counter = try await DurableCounter.start(.init(store: store))
        _ = try await counter.increment()
        store.fail(with: .full)
        #expect(await word { _ = try await counter.increment() } == "full")
        #expect(try await counter.call { .get($0) } == 1)
        store.fail(with: nil)
        #expect(try await counter.increment() == 2)
        try await counter.stop()
        let again = try await DurableCounter.start(.init(store: store))
        #expect(try await again.call { .get($0) } == 2)
        try await again.stop()
    }

    @Test("a later opening fences the one before: it stores nothing any more", arguments: StoreKind.all)
    func fencing(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let old = try await DurableCounter.start(.init(store: store))
        _ = try await old.increment()
        let new = try await DurableCounter.start(.init(store: store))
        #expect(await word { _ = try await old.increment() } == "fenced: a later opening has taken over")
        #expect(try await new.increment() == 2)
        try await store.delete("counter")
        #expect(await word { _ = try await new.increment() } == "fenced: a later opening has taken over")
        try await old.stop()
        try await new.stop()
    }

    @Test("a snapshot that fails loses nothing and is tried again", arguments: StoreKind.all, [1, 2, 3])
    func snapshots(kind: StoreKind, every: Int) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let counter = try await DurableCounter.start(.init(store: store, snapshotEvery: every))
        for step in 1...10 { #expect(try await counter.increment() == step) }
        try await counter.stop()
        let stored = try await store.open("counter")
        #expect(stored.sequence + UInt64(stored.events.count) == 10 && stored.events.count < every)
    }

    @Test("bytes of another type are refused, and told where")
    func otherType() async throws {
        let store = MemoryStore()
        let id = try await store.open("counter").id
        try await store.append([Array(#"[{"incremented":{}}]"#.utf8), Array("nonsense".utf8)], to: id, after: 0)
        let error = await #expect(throws: StartError.self) { try await DurableCounter.start(.init(store: store)) }
        guard case .failed(let cause)? = error else { return }
        #expect("\(cause)" == "corrupt at event 2")
    }

    @Test("many servers share one store, and each keeps its own count", arguments: StoreKind.all)
    func many(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                group.addTask {
                    let counter = try await DurableCounter.start(.init(name: "\(index)", store: store))
                    for step in 1...20 { #expect(try await counter.increment() == step) }
                    try await counter.stop()
                }
            }
            try await group.waitForAll()
        }
        for index in 0..<50 { #expect(try await store.open("\(index)").events.count == 20) }
    }

    @Test("after an unknown outcome a journal records nothing more; opened again it has what is true")
    func unknown() async throws {
        let store = MemoryStore()
        let counter = try await DurableCounter.start(.init(store: store))
        _ = try await counter.increment()
        let expected = "unknown: the server was lost while it stored"
        store.fail(with: .unknown)
        #expect(await word { _ = try await counter.increment() } == expected)
        store.fail(with: nil)
        #expect(await word { _ = try await counter.increment() } == expected)
        try await counter.stop()
        let again = try await DurableCounter.start(.init(store: store))
        #expect(try await again.increment() == 2)
        try await again.stop()
    }
}
