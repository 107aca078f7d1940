// SPDX-License-Identifier: Apache-2.0
// What only a file of SQLite can do to a journal.

import Foundation
import GRDB
import MartletPersistence
import MartletSQLite
import Testing

@Suite("SQLite journals", .timeLimit(.minutes(5)))
struct SQLiteStoreTests {
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
}
