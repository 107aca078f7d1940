// SPDX-License-Identifier: Apache-2.0
// Journals: what is acknowledged is there again, in either store.

import Foundation
import GRDB
import Martlet
import MartletPersistence
import MartletSQLite
import MartletTestKit
import Testing

@Suite("Journal", .timeLimit(.minutes(2)))
struct JournalTests {
    enum Kind: CaseIterable { case memory, sqlite }

    static func store(_ kind: Kind, _ folder: Folder) throws -> any DurableStore {
        switch kind {
        case .memory: MemoryStore()
        case .sqlite: try SQLiteStore(path: folder.database)
        }
    }

    @Test("what was acknowledged is there after a stop, a crash and a kill (S44)", arguments: Kind.allCases)
    func survives(kind: Kind) async throws {
        let folder = try Folder()
        let store = try Self.store(kind, folder)
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

    @Test("a later opening fences the one before: it stores nothing any more", arguments: Kind.allCases)
    func fencing(kind: Kind) async throws {
        let folder = try Folder()
        let store = try Self.store(kind, folder)
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

    @Test("a snapshot that fails loses nothing and is tried again", arguments: [1, 2, 3])
    func snapshots(every: Int) async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database)
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

    @Test("many servers share one file, and each keeps its own count")
    func many() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database)
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
}

@Suite("SQLite journals", .timeLimit(.minutes(2)))
struct SQLiteStoreTests {
    /// Changes the file behind the store's back.
    private func damage(_ folder: Folder, _ sql: String) throws {
        var configuration = Configuration()
        // The store before may still be closing the file.
        configuration.busyMode = .timeout(10)
        try DatabaseQueue(path: folder.database, configuration: configuration).write { try $0.execute(sql: sql) }
    }

    private func stored(_ folder: Folder) async throws {
        let store = try SQLiteStore(path: folder.database)
        let counter = try await DurableCounter.start(.init(store: store))
        for _ in 0..<5 { _ = try await counter.increment() }
        try await counter.stop()
    }

    @Test("a torn tail is cut back to the last whole event, and reported")
    func tornTail() async throws {
        let folder = try Folder()
        try await stored(folder)
        try damage(folder, "UPDATE events SET body = x'00' WHERE sequence >= 4")
        let store = try SQLiteStore(path: folder.database)
        let found = try await store.open("counter")
        #expect(found.events.count == 3 && found.cutBytes == 2)
        let counter = try await DurableCounter.start(.init(store: store))
        #expect(try await counter.increment() == 4)
        try await counter.stop()
    }

    @Test(
        "damage in the middle, a gap and a bad snapshot are no torn tail: the journal is refused, unchanged",
        arguments: [
            ("UPDATE events SET body = x'00' WHERE sequence = 2", "corrupt at event 2"),
            ("DELETE FROM events WHERE sequence = 2", "corrupt at event 2"),
            ("UPDATE journals SET snapshot = x'00', checksum = 1", "corrupt at event 0"),
        ])
    func corrupt(sql: String, expected: String) async throws {
        let folder = try Folder()
        try await stored(folder)
        try damage(folder, sql)
        let store = try SQLiteStore(path: folder.database)
        for _ in 0..<2 { #expect(await word { _ = try await store.open("counter") } == expected) }
    }

    @Test("a database that another program holds is busy, and free again afterwards")
    func busy() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database, busyTimeout: .milliseconds(20))
        let counter = try await DurableCounter.start(.init(store: store))
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: folder.database, configuration: configuration)
        try await other.writeWithoutTransaction { database in
            try database.beginTransaction(.immediate)
        }
        #expect(await word { _ = try await counter.increment() } == "busy: held by another program")
        #expect(try await counter.call { .get($0) } == 0)
        try await other.writeWithoutTransaction { try $0.commit() }
        #expect(try await counter.increment() == 1)
        try await counter.stop()
    }

    @Test("a full disk fails the transition with full; what fits is stored again when there is room")
    func full() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database)
        let id = try await store.open("big").id
        try await store.limitPages(20)
        let event = [UInt8](repeating: 7, count: 30_000)
        var stored: UInt64 = 0
        var failure = "done"
        while failure == "done", stored < 100 {
            failure = await word { try await store.append([event], to: id, after: stored) }
            if failure == "done" { stored += 1 }
        }
        #expect(failure == "full" && stored < 10)
        try await store.append([[1]], to: id, after: stored)
        #expect(try await store.open("big").events.count == Int(stored) + 1)
    }

    @Test("no file, no database: a typed error")
    func noFile() async throws {
        let folder = try Folder()
        #expect(throws: StoreError.self) { try SQLiteStore(path: folder.path + "/nowhere/a.sqlite") }
        try Data("this is no database, whatever its name says; and long enough".utf8)
            .write(to: URL(filePath: folder.database))
        #expect(await word { _ = try SQLiteStore(path: folder.database) } == "corrupt at event 0")
    }

    @Test("kill -9 at any moment loses no acknowledged transition (F21)")
    func killed() async throws {
        let folder = try Folder()
        let writer = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "DurableWriter")
        let executable = try #require(writer)
        try #require(FileManager.default.isExecutableFile(atPath: executable.path), "\(executable.path)")
        var acknowledged: [String: Int] = [:]
        for round in 1...5 {
            let process = Process()
            process.executableURL = executable
            process.arguments = [folder.database]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            // Killed by what it has said, not by the clock.
            var seen = Data()
            while seen.count(where: { $0 == 10 }) < round * 40 {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { break }
                seen.append(data)
            }
            kill(process.processIdentifier, SIGKILL)
            seen.append(try output.fileHandleForReading.readToEnd() ?? Data())
            process.waitUntilExit()
            for line in String(decoding: seen, as: UTF8.self).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 2, let count = Int(words[1]) else { continue }
                acknowledged[String(words[0])] = max(acknowledged[String(words[0])] ?? 0, count)
            }
        }
        #expect(acknowledged.count == 8)
        let store = try SQLiteStore(path: folder.database)
        for (name, count) in acknowledged {
            let counter = try await DurableCounter.start(.init(name: name, store: store))
            let found = try await counter.call { .get($0) }
            // One more may have been stored whose acknowledgement died with the program, each time.
            #expect(found >= count && found <= count + 5)
            try await counter.stop()
        }
    }
}
