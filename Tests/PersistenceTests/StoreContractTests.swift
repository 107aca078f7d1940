// SPDX-License-Identifier: Apache-2.0
// What `DurableStore` promises, of every store.

import MartletPersistence
import Testing

@Suite("DurableStore", .sharesPostgreSQL, .timeLimit(.minutes(5)))
struct StoreContractTests {
    private static let fenced = "fenced: a later opening has taken over"

    private func events(_ range: ClosedRange<UInt8>) -> [[UInt8]] { range.map { [$0] } }

    @Test("a journal is empty at first; what is appended is read in order, each time", arguments: StoreKind.all)
    func appended(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let first = try await store.open("a")
        #expect(first.snapshot == nil && first.sequence == 0 && first.events.isEmpty && first.cutBytes == 0)
        try await store.append(events(1...3), to: first.id, after: 0)
        try await store.append(events(4...4), to: first.id, after: 3)
        for _ in 0..<2 {
            let again = try await kind.open(in: folder).open("a")
            #expect(again.events == events(1...4) && again.sequence == 0 && again.snapshot == nil)
        }
        #expect(try await store.open("b").events.isEmpty)
    }

    @Test("a later opening fences every earlier one: it stores no event and no snapshot", arguments: StoreKind.all)
    func fencing(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        var openings: [JournalID] = []
        for _ in 0..<3 { openings.append(try await store.open("a").id) }
        #expect(openings.map(\.epoch) == openings.map(\.epoch).sorted() && Set(openings).count == 3)
        for old in openings.dropLast() {
            #expect(await word { try await store.append(events(9...9), to: old, after: 0) } == Self.fenced)
            #expect(await word { try await store.saveSnapshot([9], of: old, at: 0) } == Self.fenced)
        }
        try await store.append(events(1...1), to: openings[2], after: 0)
        let stored = try await store.open("a")
        #expect(stored.events == events(1...1) && stored.snapshot == nil)
    }

    @Test("who has a deleted journal open is fenced, also after it is made again", arguments: StoreKind.all)
    func deleted(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let old = try await store.open("a").id
        try await store.append(events(1...3), to: old, after: 0)
        try await store.saveSnapshot([1], of: old, at: 2)
        try await store.delete("a")
        try await store.delete("never there")
        #expect(await word { try await store.append(events(4...4), to: old, after: 3) } == Self.fenced)
        let new = try await store.open("a")
        #expect(new.snapshot == nil && new.sequence == 0 && new.events.isEmpty)
        #expect(await word { try await store.append(events(4...4), to: old, after: 0) } == Self.fenced)
        try await store.append(events(5...5), to: new.id, after: 0)
    }

    @Test("events behind a gap or behind others are refused, and nothing is stored", arguments: StoreKind.all)
    func wrongSequence(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let id = try await store.open("a").id
        try await store.append(events(1...2), to: id, after: 0)
        for sequence: UInt64 in [0, 1, 3] {
            let failure = await word { try await store.append(events(9...9), to: id, after: sequence) }
            #expect(failure == "corrupt at event \(sequence)")
        }
        try await store.append(events(3...3), to: id, after: 2)
        #expect(try await store.open("a").events == events(1...3))
    }

    @Test("a snapshot takes the place of what it covers, and of nothing else", arguments: StoreKind.all)
    func snapshots(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let id = try await store.open("a").id
        try await store.append(events(1...5), to: id, after: 0)
        try await store.saveSnapshot([30], of: id, at: 3)
        try await store.saveSnapshot([31], of: id, at: 3)
        for sequence: UInt64 in [2, 6] {
            let failure = await word { try await store.saveSnapshot([9], of: id, at: sequence) }
            #expect(failure == "corrupt at event \(sequence)")
        }
        try await store.append(events(6...6), to: id, after: 5)
        let stored = try await store.open("a")
        #expect(stored.snapshot == [31] && stored.sequence == 3 && stored.events == events(4...6))
        try await store.saveSnapshot([], of: stored.id, at: 6)
        let covered = try await store.open("a")
        #expect(covered.snapshot == [] && covered.sequence == 6 && covered.events.isEmpty)
        try await store.append(events(7...7), to: covered.id, after: 6)
        #expect(try await store.open("a").events == events(7...7))
    }

    @Test("any name and any bytes come back as they were", arguments: StoreKind.all)
    func anyBytes(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        let names = [
            "", " ", "a'; DROP TABLE martlet_events; --", "\"b\" \\ %s $1 ?", "é ≠ e\u{301} 🐦", "line\nend",
            String(repeating: "n", count: 1_000),
        ]
        let bodies: [[UInt8]] = [[], [0], Array(0...255), [UInt8](repeating: 0xFF, count: 30_000)]
        for name in names {
            let id = try await store.open(name).id
            try await store.append(bodies.map { $0 + name.utf8 }, to: id, after: 0)
        }
        for name in names { #expect(try await store.open(name).events == bodies.map { $0 + name.utf8 }) }
    }

    @Test("of what is stored together, only what is at fault fails", arguments: StoreKind.all)
    func together(kind: StoreKind) async throws {
        let folder = try Folder()
        let store = try await kind.open(in: folder)
        var ids: [JournalID] = []
        for index in 0..<60 { ids.append(try await store.open("\(index)").id) }
        for index in stride(from: 0, to: 60, by: 10) { _ = try await store.open("\(index)") }
        let words = await withTaskGroup(of: (Int, String).self) { group in
            for (index, id) in ids.enumerated() {
                group.addTask {
                    // One in ten is fenced, one in ten does not know how many there are.
                    let after: UInt64 = index % 10 == 5 ? 7 : 0
                    return (index, await word { try await store.append([[UInt8(index)]], to: id, after: after) })
                }
            }
            return await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        for index in 0..<60 {
            let expected = [0: Self.fenced, 5: "corrupt at event 7"][index % 10] ?? "done"
            #expect(words[index] == expected)
            #expect(try await store.open("\(index)").events == (expected == "done" ? [[UInt8(index)]] : []))
        }
    }

    @Test("a torn tail is cut back to the last whole event, and reported", arguments: StoreKind.lasting)
    func tornTail(kind: StoreKind) async throws {
        let folder = try Folder()
        try await fiveStored(kind, folder)
        try await kind.damage(.tail, in: folder)
        let store = try await kind.open(in: folder)
        let found = try await store.open("a")
        #expect(found.events == events(1...3) && found.cutBytes == 2)
        try await store.append(events(4...4), to: found.id, after: 3)
        let again = try await store.open("a")
        #expect(again.events == events(1...4) && again.cutBytes == 0)
    }

    @Test(
        "damage in the middle, a gap and a bad snapshot are no torn tail: the journal is refused, unchanged",
        arguments: StoreKind.lasting,
        [
            (StoreKind.Damage.middle, "corrupt at event 2"), (.gap, "corrupt at event 2"),
            (.snapshot, "corrupt at event 0"),
        ])
    func corrupt(kind: StoreKind, damage: (StoreKind.Damage, String)) async throws {
        let folder = try Folder()
        let id = try await fiveStored(kind, folder)
        try await kind.damage(damage.0, in: folder)
        let store = try await kind.open(in: folder)
        for _ in 0..<2 { #expect(await word { _ = try await store.open("a") } == damage.1) }
        // The opening before is not fenced by that.
        try await store.append(events(6...6), to: id, after: 5)
    }

    @discardableResult
    private func fiveStored(_ kind: StoreKind, _ folder: Folder) async throws -> JournalID {
        let store = try await kind.open(in: folder)
        let id = try await store.open("a").id
        try await store.append(events(1...5), to: id, after: 0)
        return id
    }
}
