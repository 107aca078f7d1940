// SPDX-License-Identifier: Apache-2.0
// The stores that one set of tests runs over.

import Foundation
import GRDB
import MartletPersistence
import MartletPostgreSQL
import MartletSQLite

enum StoreKind: Sendable {
    case memory, sqlite, postgresql

    /// All that can be tested here.
    static let all: [StoreKind] = PostgreSQLServer.isExpected ? [.memory, .sqlite, .postgresql] : [.memory, .sqlite]
    /// Those that keep what they know when the program ends.
    static let lasting = all.filter { $0 != .memory }

    /// A store in that folder, or in a schema with its name: the same one each time.
    func open(in folder: Folder) async throws -> any DurableStore {
        switch self {
        case .memory: return folder.memory
        case .sqlite: return try SQLiteStore(path: folder.database)
        case .postgresql: return try await PostgreSQLStore(address(in: folder), timeout: .seconds(60))
        }
    }

    /// What the writing program takes to open the store.
    func address(in folder: Folder) async throws -> String {
        guard self == .postgresql else { return folder.database }
        let server = try await PostgreSQLServer.shared
        try await server.run("CREATE SCHEMA IF NOT EXISTS \(folder.schema)")
        return server.address(schema: folder.schema)
    }

    enum Damage: Sendable { case tail, middle, gap, snapshot }

    /// Changes what is stored, behind the store's back.
    func damage(_ damage: Damage, in folder: Folder) async throws {
        let (prefix, zero) = self == .sqlite ? ("", "x'00'") : ("martlet_", #"'\x00'::bytea"#)
        let text =
            switch damage {
            case .tail: "UPDATE \(prefix)events SET body = \(zero) WHERE sequence >= 4"
            case .middle: "UPDATE \(prefix)events SET body = \(zero) WHERE sequence = 2"
            case .gap: "DELETE FROM \(prefix)events WHERE sequence = 2"
            case .snapshot:
                self == .sqlite
                    ? "UPDATE journals SET snapshot = x'00', checksum = 1"
                    : "INSERT INTO martlet_snapshots SELECT id, \(zero), 1 FROM martlet_journals"
            }
        guard self == .sqlite else {
            try await PostgreSQLServer.shared.run(text, schema: folder.schema)
            return
        }
        var configuration = Configuration()
        // The store before may still be closing the file.
        configuration.busyMode = .timeout(10)
        try await DatabaseQueue(path: folder.database, configuration: configuration).write { try $0.execute(sql: text) }
    }
}
