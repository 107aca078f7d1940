// SPDX-License-Identifier: Apache-2.0
// Journals in a SQLite file. One thread writes; what waits for it is stored in one transaction (WriteQueue). If that fails,
// each is stored by itself: one that is too large does not take the others along. The file: SQLiteStore+Schema.

internal import Foundation
internal import GRDB
internal import Martlet
public import MartletPersistence

/// Journals in a SQLite database, written ahead and synced at each commit (`journal_mode=WAL`, `synchronous=FULL`).
///
/// What `append` has returned from is on the disk, as far as the disk says so. Shared by any number of servers of one
/// program; a second program that opens the file waits its turn.
///
/// Its functions may be called from any task. They run on one thread of the store's own, one transaction at a time.
///
/// When not to use: for journals that several programs write, as the later opening of a journal fences the earlier; for
/// tests, where a `MemoryStore` is quicker and fails on demand.
public final class SQLiteStore: DurableStore {
    /// What is done within a transaction; an opening returns what it found.
    typealias Write = @Sendable (Database) throws -> StoredJournal?

    let database: DatabaseQueue
    private let queue: WriteQueue<Write, StoredJournal?>

    /// Opens or makes a database file.
    ///
    /// - Parameters:
    ///   - path: of the file; its folder must be there.
    ///   - busyTimeout: how long to wait for another program that holds the database, before `busy`; by default 5 s.
    /// - Throws: `StoreError`: `busy`, or `failed` with the database's error.
    public init(path: String, busyTimeout: Duration = .seconds(5)) throws(StoreError) {
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(busyTimeout / .seconds(1))
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            // Behind all that GRDB sets up: with the write-ahead log it sets NORMAL, which syncs at checkpoints alone.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.makeTables(database)
            self.database = database
            queue = WriteQueue(label: "martlet.sqlite") { Self.perform($0, database) }
        } catch { throw Self.storeError(error) }
    }

    /// Opens a journal, and fences who had it open.
    ///
    /// - Parameter name: any string; a journal that is not there yet is made.
    /// - Returns: what is stored, and this opening.
    /// - Throws: `StoreError`: `fenced`, `corrupt`, `busy`, `full`, `failed`.
    public func open(_ name: String) async throws(StoreError) -> StoredJournal {
        guard let journal = try await queue.write({ try Self.read(name, $0) }) else { throw .corrupt(sequence: 0) }
        return journal
    }

    /// Stores events, with those of other journals that wait.
    ///
    /// - Parameters:
    ///   - events: in order; all of them are stored, or none.
    ///   - journal: the opening they belong to.
    ///   - sequence: the number of events stored before them.
    /// - Throws: `StoreError`: `fenced`, `corrupt`, `busy`, `full`, `failed`; then nothing was stored.
    public func append(_ events: [[UInt8]], to journal: JournalID, after sequence: UInt64) async throws(StoreError) {
        _ = try await queue.write {
            try Self.append(events, to: journal, after: sequence, $0)
            return nil
        }
    }

    /// Stores a snapshot and drops the events it covers, in one transaction.
    ///
    /// - Parameters:
    ///   - snapshot: the value with `sequence` events applied.
    ///   - journal: the opening it belongs to.
    ///   - sequence: the events it covers.
    /// - Throws: `StoreError`: `fenced`, `corrupt`, `busy`, `full`, `failed`; then all is as before.
    public func saveSnapshot(
        _ snapshot: [UInt8], of journal: JournalID, at sequence: UInt64
    ) async throws(StoreError) {
        _ = try await queue.write {
            try Self.saveSnapshot(snapshot, of: journal, at: sequence, $0)
            return nil
        }
    }

    /// Forgets a journal and its events.
    ///
    /// - Parameter name: one that is not there is no error.
    /// - Throws: `StoreError`: `fenced`, `corrupt`, `busy`, `full`, `failed`.
    public func delete(_ name: String) async throws(StoreError) {
        _ = try await queue.write {
            try Self.delete(name, $0)
            return nil
        }
    }

    /// Lets the file grow to so many pages, as a full disk would; for tests.
    package func limitPages(_ count: Int) async throws(StoreError) {
        do {
            try await database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(count)") }
        } catch { throw Self.storeError(error) }
    }

    // MARK: Writing together

    private static func perform(
        _ batch: [Write], _ database: DatabaseQueue
    ) -> [Result<StoredJournal?, StoreError>] {
        do throws(StoreError) { return try commit(batch, database) } catch {
            // Busy is the whole database: each by itself would wait as long again.
            if batch.count == 1 || error.isBusy { return batch.map { _ in .failure(error) } }
            // One of them is guilty.
            return batch.flatMap { perform([$0], database) }
        }
    }

    /// Those of fenced openings are refused before they change anything, so the others need not be done again.
    private static func commit(
        _ batch: [Write], _ database: DatabaseQueue
    ) throws(StoreError) -> [Result<StoredJournal?, StoreError>] {
        do {
            var results: [Result<StoredJournal?, StoreError>] = []
            try database.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    for write in batch {
                        do { results.append(.success(try write(database))) } catch StoreError.fenced {
                            results.append(.failure(.fenced))
                        }
                    }
                    return .commit
                }
            }
            return results
        } catch { throw storeError(error) }
    }

    /// SQLite's results in the words of stores.
    static func storeError(_ error: any Error) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else { return .failed(error) }
        switch error.resultCode {
        case .SQLITE_FULL: return .full
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .busy
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .corrupt(sequence: 0)
        default: return .failed(error)
        }
    }
}

extension StoreError {
    fileprivate var isBusy: Bool { if case .busy = self { true } else { false } }
}
