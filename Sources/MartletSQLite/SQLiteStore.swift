// SPDX-License-Identifier: Apache-2.0
// Journals in a SQLite file. One thread writes; what waits for it is stored in one transaction, so that a thousand servers
// share one fsync. What the file looks like: SQLiteStore+Schema.
//
//     append ... append ... append      each suspends its caller
//          \        |        /
//           waiting (a list)            filled while the transaction before is on its way to the disk
//                   |
//             one transaction           all of them, or, if it fails, each by itself: one that is too large
//                   |                   does not take the others along
//            commit, fsync              then all callers are resumed

internal import Dispatch
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
    /// A write that waits, and who waits for it.
    struct Write: Sendable {
        let perform: @Sendable (Database) throws -> Void
        let done: CheckedContinuation<Result<Void, StoreError>, Never>
    }

    private struct Waiting: Sendable {
        var writes: [Write] = []
        var isWriting = false
    }

    /// Writes of one transaction: what is lost, and done again, when one of them fails.
    private static let batchMax = 4_096

    let database: DatabaseQueue
    private let waiting = _Locked(Waiting())
    private let thread = DispatchQueue(label: "martlet.sqlite")

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
            database = try DatabaseQueue(path: path, configuration: configuration)
            // Behind all that GRDB sets up: with the write-ahead log it sets NORMAL, which syncs at checkpoints alone.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.makeTables(database)
        } catch { throw Self.storeError(error) }
    }

    /// Opens a journal, and fences who had it open.
    ///
    /// - Parameter name: any string; a journal that is not there yet is made.
    /// - Returns: what is stored, and this opening.
    /// - Throws: `StoreError`: `fenced`, `corrupt`, `busy`, `full`, `failed`.
    public func open(_ name: String) async throws(StoreError) -> StoredJournal {
        let found = _Locked<StoredJournal?>(nil)
        try await write { database in
            let journal = try Self.read(name, database)
            found.withLock { $0 = journal }
        }
        guard let journal = found.withLock({ $0 }) else { throw .corrupt(sequence: 0) }
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
        try await write { try Self.append(events, to: journal, after: sequence, $0) }
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
        try await write { try Self.saveSnapshot(snapshot, of: journal, at: sequence, $0) }
    }

    /// Forgets a journal and its events.
    ///
    /// - Parameter name: one that is not there is no error.
    /// - Throws: `StoreError`: `fenced`, `corrupt`, `busy`, `full`, `failed`.
    public func delete(_ name: String) async throws(StoreError) {
        try await write { try Self.delete(name, $0) }
    }

    /// Lets the file grow to so many pages, as a full disk would; for tests.
    package func limitPages(_ count: Int) async throws(StoreError) {
        do {
            try await database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(count)") }
        } catch { throw Self.storeError(error) }
    }

    // MARK: Writing together

    private func write(_ perform: @escaping @Sendable (Database) throws -> Void) async throws(StoreError) {
        let result = await withCheckedContinuation { done in
            let isFirst = waiting.withLock { waiting in
                waiting.writes.append(Write(perform: perform, done: done))
                defer { waiting.isWriting = true }
                return !waiting.isWriting
            }
            if isFirst { thread.async { self.drain() } }
        }
        try result.get()
    }

    private func drain() {
        while true {
            let batch = waiting.withLock { waiting -> [Write] in
                let batch = Array(waiting.writes.prefix(Self.batchMax))
                waiting.writes.removeFirst(batch.count)
                if batch.isEmpty { waiting.isWriting = false }
                return batch
            }
            if batch.isEmpty { return }
            perform(batch)
        }
    }

    private func perform(_ batch: [Write]) {
        switch commit(batch) {
        case .success(let refusals):
            for (write, refusal) in zip(batch, refusals) {
                write.done.resume(returning: refusal.map { .failure($0) } ?? .success(()))
            }
        case .failure(let error) where batch.count > 1 && !error.isBusy:
            // One of them is guilty.
            for write in batch { perform([write]) }
        case .failure(let error):
            // Busy is the whole database: each by itself would wait as long again.
            for write in batch { write.done.resume(returning: .failure(error)) }
        }
    }

    /// Those of fenced openings are refused before they change anything, so the others need not be done again.
    private func commit(_ batch: [Write]) -> Result<[StoreError?], StoreError> {
        do {
            var refusals: [StoreError?] = []
            try database.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    for write in batch {
                        do {
                            try write.perform(database)
                            refusals.append(nil)
                        } catch StoreError.fenced { refusals.append(.fenced) }
                    }
                    return .commit
                }
            }
            return .success(refusals)
        } catch { return .failure(Self.storeError(error)) }
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
