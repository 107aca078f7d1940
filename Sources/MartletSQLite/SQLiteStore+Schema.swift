// SPDX-License-Identifier: Apache-2.0
// Tables and statements.
//
//     journals   id, name, epoch, covered (events in the snapshot), snapshot, checksum
//     events     journal, sequence (1, 2, ...), body, checksum
//     deleted    the greatest epoch of a journal that is there no more: one that is made again begins behind it

internal import Foundation
internal import GRDB
internal import MartletPersistence

extension SQLiteStore {
    static func makeTables(_ database: DatabaseQueue) throws {
        try database.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS journals (
                        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL,
                        covered INTEGER NOT NULL DEFAULT 0, snapshot BLOB, checksum INTEGER NOT NULL DEFAULT 0);
                    CREATE TABLE IF NOT EXISTS events (
                        journal INTEGER NOT NULL REFERENCES journals (id), sequence INTEGER NOT NULL,
                        body BLOB NOT NULL, checksum INTEGER NOT NULL,
                        PRIMARY KEY (journal, sequence)) WITHOUT ROWID;
                    CREATE TABLE IF NOT EXISTS deleted (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL);
                    INSERT OR IGNORE INTO deleted VALUES (1, 0);
                    """)
        }
    }

    /// Reads a journal, cuts what is torn off its end, and fences who had it open.
    static func read(_ name: String, _ database: Database) throws -> StoredJournal {
        let name = name.precomposedStringWithCanonicalMapping
        try database.cachedStatement(
            sql: """
                INSERT INTO journals (name, epoch) VALUES (CAST(? AS TEXT), (SELECT epoch + 1 FROM deleted))
                ON CONFLICT (name) DO UPDATE SET epoch = epoch + 1
                """
        ).execute(arguments: [bytes(of: name)])
        guard
            let row = try Row.fetchOne(
                database,
                sql: "SELECT id, epoch, covered, snapshot, checksum FROM journals WHERE name = CAST(? AS TEXT)",
                arguments: [bytes(of: name)])
        else { throw StoreError.corrupt(sequence: 0) }
        let key: Int64 = row["id"]
        let covered: Int64 = row["covered"]
        let epoch: Int64 = row["epoch"]
        let snapshot = (row["snapshot"] as Data?).map { [UInt8]($0) }
        if let snapshot, crc32(snapshot) != row["checksum"] { throw StoreError.corrupt(sequence: 0) }
        let stored = try readEvents(of: key, after: covered, database)
        return StoredJournal(
            id: JournalID(name: name, epoch: UInt64(epoch)), snapshot: snapshot, sequence: UInt64(covered),
            events: stored.events, cutBytes: stored.cutBytes)
    }

    private static func readEvents(
        of key: Int64, after covered: Int64, _ database: Database
    ) throws -> StoredEvents {
        var stored = StoredEvents(after: UInt64(covered))
        let rows = try Row.fetchCursor(
            database, sql: "SELECT sequence, body, checksum FROM events WHERE journal = ? ORDER BY sequence",
            arguments: [key])
        while let row = try rows.next() {
            try stored.add([UInt8](row["body"] as Data), checksum: row["checksum"], at: row["sequence"])
        }
        if stored.cutBytes > 0 {
            try database.execute(
                sql: "DELETE FROM events WHERE journal = ? AND sequence > ?", arguments: [key, Int64(stored.sequence)])
        }
        return stored
    }

    static func append(
        _ events: [[UInt8]], to journal: JournalID, after sequence: UInt64, _ database: Database
    ) throws {
        let (key, _, last) = try find(journal, database)
        guard last == Int64(sequence) else { throw StoreError.corrupt(sequence: sequence) }
        let insert = try database.cachedStatement(
            sql: "INSERT INTO events (journal, sequence, body, checksum) VALUES (?, ?, ?, ?)")
        for (index, body) in events.enumerated() {
            try insert.execute(
                arguments: [key, Int64(sequence) + Int64(index) + 1, Data(body), crc32(body)])
        }
    }

    static func saveSnapshot(
        _ snapshot: [UInt8], of journal: JournalID, at sequence: UInt64, _ database: Database
    ) throws {
        let (key, covered, last) = try find(journal, database)
        guard covered <= sequence, sequence <= last else { throw StoreError.corrupt(sequence: sequence) }
        try database.cachedStatement(
            sql: "UPDATE journals SET snapshot = ?, checksum = ?, covered = ? WHERE id = ?"
        ).execute(arguments: [Data(snapshot), crc32(snapshot), Int64(sequence), key])
        try database.cachedStatement(sql: "DELETE FROM events WHERE journal = ? AND sequence <= ?")
            .execute(arguments: [key, Int64(sequence)])
    }

    static func delete(_ name: String, _ database: Database) throws {
        let name = bytes(of: name.precomposedStringWithCanonicalMapping)
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT id, epoch FROM journals WHERE name = CAST(? AS TEXT)", arguments: [name])
        else { return }
        let (key, epoch): (Int64, Int64) = (row["id"], row["epoch"])
        try database.execute(sql: "DELETE FROM events WHERE journal = ?", arguments: [key])
        try database.execute(sql: "DELETE FROM journals WHERE id = ?", arguments: [key])
        try database.execute(sql: "UPDATE deleted SET epoch = MAX(epoch, ?)", arguments: [epoch])
    }

    /// A name as it is bound: GRDB ends strings at their first NUL.
    ///
    /// Strings that are equal have the same bytes once they are composed, which `open` and `delete` do.
    private static func bytes(of name: String) -> Data { Data(name.utf8) }

    /// The row of a journal, the events in its snapshot, and all its events.
    ///
    /// Throws `fenced` when the opening is not the last one.
    private static func find(
        _ journal: JournalID, _ database: Database
    ) throws -> (key: Int64, covered: Int64, last: Int64) {
        let statement = try database.cachedStatement(
            sql: """
                SELECT id, covered, MAX(covered, COALESCE((SELECT MAX(sequence) FROM events WHERE journal = journals.id), 0))
                FROM journals WHERE name = CAST(? AS TEXT) AND epoch = ?
                """)
        guard
            let row = try Row.fetchOne(statement, arguments: [bytes(of: journal.name), Int64(journal.epoch)])
        else { throw StoreError.fenced }
        return (row[0], row[1], row[2])
    }
}
