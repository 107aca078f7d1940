// SPDX-License-Identifier: Apache-2.0
// Stores batches: each in one transaction, over one connection, which is made again when it is lost.
//
// A connection that is lost on the way to a commit leaves it open whether the batch is stored. Each transaction writes the
// number of its batch into the row of this writer, first of all. A new connection takes over that row: it waits for a
// transaction that still holds it, reads the number, and raises the session, which fails one that would come later.
//
//     lost  ->  connect, take over  ->  number is this batch's:  stored: acknowledged
//                                   ->  it is not:               not stored, and never will be: once more
//           ->  no connection in time:                           unknown; had the commit not been sent: unreachable
//
// Rejected: pg_xact_status. After a crash of the server a number of a transaction may be given out twice.

internal import Foundation
internal import Logging
internal import MartletPersistence

/// What is asked of a store.
enum PostgreSQLWrite: Sendable {
    case open(String)
    case append([[UInt8]], to: JournalID, after: UInt64)
    case saveSnapshot([UInt8], of: JournalID, at: UInt64)
    case delete(String)
}

/// The one end of a store that talks to the server.
final class PostgreSQLWriter: @unchecked Sendable {  // used by one thread at a time: its store's queue
    private let address: String
    private let timeout: Duration
    private let logger = Logger(label: "martlet.postgresql")
    /// Of this store in the table of writers.
    private let id = Int64.random(in: 1...Int64.max)
    private var connection: PostgreSQLConnection?
    private var session: Int64 = 0
    /// The number of the last transaction that was begun.
    private var batch: Int64 = 0

    init(address: String, timeout: Duration) {
        self.address = address
        self.timeout = timeout
    }

    /// Performs each write, or says why not.
    func perform(_ writes: [PostgreSQLWrite]) -> [Result<StoredJournal?, StoreError>] {
        var results = [Result<StoredJournal?, StoreError>](repeating: .failure(.unknown), count: writes.count)
        var left = Array(writes.indices)
        func finish(_ result: (Int) -> Result<StoredJournal?, StoreError>) {
            for (position, index) in left.enumerated() { results[index] = result(position) }
            left = []
        }
        let deadline = ContinuousClock.now + timeout
        var lost: (server: String, found: [StoredJournal?]?)?
        while !left.isEmpty {
            let connection: PostgreSQLConnection
            do throws(PostgreSQLError) {
                let last: Int64
                (connection, last) = try connected(by: deadline)
                if let found = lost?.found, last == batch { finish { .success(found[$0]) } }
                lost?.found = nil
            } catch {
                finish { _ in .failure(lost?.found == nil ? error.storeError : .unknown) }
                break
            }
            // Not stored, and never will be. Lost again and again: that may be its own fault.
            if let lost, ContinuousClock.now >= deadline { finish { _ in .failure(.unreachable(server: lost.server)) } }
            if left.isEmpty { break }
            switch attempt(left.map { writes[$0] }, connection) {
            case .stored(let found): finish { .success(found[$0]) }
            case .refused(let position, let error): results[left.remove(at: position)] = .failure(error)
            case .failed(let error): finish { _ in .failure(error) }
            case .lost(let cause, let found):
                logger.warning("connection lost", metadata: ["cause": "\(cause)"])
                self.connection = nil
                lost = (cause.server, found)
            }
        }
        return results
    }

    // MARK: The connection

    /// Tries for as long as the server cannot be reached; a refusal is final.
    ///
    /// - Returns: the connection, and the number of the batch that was committed last.
    private func connected(
        by deadline: ContinuousClock.Instant
    ) throws(PostgreSQLError) -> (PostgreSQLConnection, last: Int64) {
        if let connection { return (connection, batch) }
        var pause = 0.01
        while true {
            do throws(PostgreSQLError) { return try connect() } catch {
                let now = ContinuousClock.now
                // Busy: a transaction of the connection before is still under way.
                var isBusy: Bool { if case .busy = error.storeError { true } else { false } }
                guard error.kind == .unreachable || isBusy, now < deadline else { throw error }
                Thread.sleep(forTimeInterval: min(pause, max(0.001, (deadline - now) / .seconds(1))))
                pause = min(pause * 2, 0.5)
            }
        }
    }

    /// Tries once.
    @discardableResult
    func connect() throws(PostgreSQLError) -> (PostgreSQLConnection, last: Int64) {
        // A lock is waited for in silence: as long again for the answer.
        let connection = try PostgreSQLConnection(
            to: address, within: max(timeout, .seconds(1)), silenceMax: timeout * 2 + .seconds(1))
        try connection.rows(
            PostgreSQLSchema.settings.map { .text($0) }
                + [.text(PostgreSQLSchema.patience, [.int(Int64(max(1, timeout / .milliseconds(1))))])])
        if try connection.rows([.text(PostgreSQLSchema.find)]).first?.isNull(0) ?? true {
            try connection.rows(
                (["BEGIN", PostgreSQLSchema.lock] + PostgreSQLSchema.tables + ["COMMIT"]).map { .text($0) })
        }
        try connection.rows(
            PostgreSQLQuery.allCases.map { .prepare(name: $0.rawValue, text: $0.text) }
                + [.text(PostgreSQLSchema.purge)])
        let row = try connection.rows([.text(PostgreSQLSchema.takeOver, [.int(id)])]).first
        self.connection = connection
        session = row?.int(0) ?? 0
        return (connection, row?.int(1) ?? 0)
    }

    // MARK: One transaction

    private enum Attempt {
        case stored([StoredJournal?])
        /// That write alone cannot be stored; the others may be tried again.
        case refused(Int, StoreError)
        case failed(StoreError)
        /// With what is true if it was committed, from when the commit may have been sent.
        case lost(PostgreSQLError, [StoredJournal?]?)
    }

    private func attempt(_ writes: [PostgreSQLWrite], _ connection: PostgreSQLConnection) -> Attempt {
        batch += 1
        var transaction = PostgreSQLTransaction(writes, writer: id, session: session, batch: batch)
        var committing: [StoredJournal?]?
        do throws(ConnectionLost) {
            if transaction.hasOpenings {
                transaction.find()
                transaction.read(try connection.run(transaction.statements))
            }
            if transaction.failure == nil {
                transaction.write()
                committing = transaction.found
                transaction.check(try connection.run(transaction.statements))
                committing = nil
            }
            guard let failure = transaction.failure else { return .stored(transaction.found) }
            _ = try connection.run([.prepared(PostgreSQLQuery.rollback.rawValue)])
            guard let write = failure.write else { return .failed(failure.error) }
            if failure.isMismatch { return .refused(write, try mismatch(writes[write], connection) ?? failure.error) }
            return .refused(write, failure.error)
        } catch { return .lost(error.cause, committing) }
    }

    /// In which way a journal is not as its writer knows it.
    private func mismatch(
        _ write: PostgreSQLWrite, _ connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> StoreError? {
        switch write {
        case .open, .delete: return nil
        case .append(_, let journal, let sequence), .saveSnapshot(_, let journal, let sequence):
            let look = PostgreSQLConnection.Statement.prepared(
                PostgreSQLQuery.look.rawValue, [PostgreSQLTransaction.key(journal.name)])
            guard case .rows(let rows)? = try connection.run([look]).first else { return nil }
            return rows.first?.int(0) == Int64(journal.epoch) ? .corrupt(sequence: sequence) : .fenced
        }
    }
}
