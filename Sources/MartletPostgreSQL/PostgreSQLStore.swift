// SPDX-License-Identifier: Apache-2.0
// Journals in PostgreSQL. One thread and one connection; what waits for them is stored in one transaction (WriteQueue).
//
//     PostgreSQLStore -> WriteQueue -> PostgreSQLWriter        connects, commits, finds out, tries again
//                                       |-- PostgreSQLTransaction   which statements, and what they mean
//                                       |-- PostgreSQLConnection    libpq

internal import Dispatch
internal import Martlet
public import MartletPersistence

/// Journals in a PostgreSQL database, version 12 or later.
///
/// What `append` has returned from is committed, with `synchronous_commit` on. Shared by any number of servers of one
/// program, whose events share a commit; servers of other programs, with stores of their own, are fenced as those of this
/// one are.
///
/// A lost connection is made again, and what was under way is stored once, whether or not its commit had come through. Makes
/// its tables (`martlet_...`) where they are missing.
///
/// When not to use: through a pooler that lends a connection for a transaction; for one program on one machine, where
/// `SQLiteStore` is faster and needs no server.
public final class PostgreSQLStore: DurableStore {
    private let queue: WriteQueue<PostgreSQLWrite, StoredJournal?>

    /// Connects, once: a server that is not there is told at once.
    ///
    /// Traps when `timeout` is not positive.
    ///
    /// - Parameters:
    ///   - server: as libpq takes it: `postgresql://user@host/database`, or `host=... dbname=... user=...`. What it does not
    ///     say comes from libpq's environment and password file.
    ///   - timeout: how long a write waits for a server that is gone, before `unreachable` or `unknown`; for a journal that
    ///     another program is writing, before `busy`; each. By default 5 s. A server that says nothing for twice as long and
    ///     a second is gone.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Throws: `StoreError`: `unreachable`, with host and port; `failed` with a ``PostgreSQLError``.
    public init(
        _ server: String, timeout: Duration = .seconds(5), file: StaticString = #fileID, line: UInt = #line
    ) async throws(StoreError) {
        precondition(timeout > .zero, "expected a timeout above zero, got \(timeout)", file: file, line: line)
        let writer = PostgreSQLWriter(address: server, timeout: timeout)
        queue = WriteQueue(label: "martlet.postgresql") { writer.perform($0) }
        let result = await withCheckedContinuation { done in
            DispatchQueue(label: "martlet.postgresql.connect").async {
                done.resume(returning: Result { () throws(PostgreSQLError) in try writer.connect() })
            }
        }
        if case .failure(let error) = result { throw error.storeError }
    }

    /// Opens a journal, and fences who had it open.
    public func open(_ name: String) async throws(StoreError) -> StoredJournal {
        guard let journal = try await queue.write(.open(name)) else { throw .corrupt(sequence: 0) }
        return journal
    }

    /// Stores events, with those of other journals that wait.
    public func append(_ events: [[UInt8]], to journal: JournalID, after sequence: UInt64) async throws(StoreError) {
        _ = try await queue.write(.append(events, to: journal, after: sequence))
    }

    /// Stores a snapshot and drops the events it covers, in one transaction.
    public func saveSnapshot(
        _ snapshot: [UInt8], of journal: JournalID, at sequence: UInt64
    ) async throws(StoreError) {
        _ = try await queue.write(.saveSnapshot(snapshot, of: journal, at: sequence))
    }

    /// Forgets a journal, its snapshot and its events.
    public func delete(_ name: String) async throws(StoreError) {
        _ = try await queue.write(.delete(name))
    }
}
