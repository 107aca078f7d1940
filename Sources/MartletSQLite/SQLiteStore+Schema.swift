// SPDX-License-Identifier: Apache-2.0
// Tables and statements.
//
//     journals   id, name, epoch, covered (events in the snapshot), snapshot, checksum
//     events     journal, sequence (1, 2, ...), body, checksum
//     openings   epoch: the last one of all journals, so that one which was deleted and made again fences as well

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
                    CREATE TABLE IF NOT EXISTS openings (epoch INTEGER NOT NULL);
                    INSERT INTO openings SELECT COALESCE(MAX(epoch), 0) FROM journals
                        WHERE NOT EXISTS (SELECT * FROM openings);
                    """)
        }
    }

    /// Reads a journal, cuts what is torn off its end, and fences who had it open.
    static func read(_ name: String, _ database: Database) throws -> StoredJournal {
        try database.cachedStatement(sql: "UPDATE openings SET epoch = epoch + 1").execute()
        try database.cachedStatement(
            sql: """
                INSERT INTO journals (name, epoch) SELECT ?, epoch FROM openings WHERE true
                ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch
                """
        ).execute(arguments: [name])
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT id, epoch, covered, snapshot, checksum FROM journals WHERE name = ?",
                arguments: [name])
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
        try database.execute(
            sql: "DELETE FROM events WHERE journal = (SELECT id FROM journals WHERE name = ?)", arguments: [name])
        try database.execute(sql: "DELETE FROM journals WHERE name = ?", arguments: [name])
    }

    /// The row of a journal, the events in its snapshot, and all its events.
    ///
    /// Throws `fenced` when the opening is not the last one.
    private static func find(
        _ journal: JournalID, _ database: Database
    ) throws -> (key: Int64, covered: Int64, last: Int64) {
        let statement = try database.cachedStatement(
            sql: """
                SELECT id, covered, MAX(covered, COALESCE((SELECT MAX(sequence) FROM events WHERE journal = journals.id), 0))
                FROM journals WHERE name = ? AND epoch = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [journal.name, Int64(journal.epoch)]) else {
            throw StoreError.fenced
        }
        return (row[0], row[1], row[2])
    }
}
