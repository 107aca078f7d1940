// SPDX-License-Identifier: Apache-2.0
// Which statements store a batch, and what their outcomes mean. Only decides: PostgreSQLWriter runs them.
//
//     begin, mark                         with openings: their rows are locked and read first, and decided on here
//     find, snapshot, events   (openings)
//     - - - - - - - - - - - -  one round trip, only with openings
//     take, cut                (openings)
//     append, saveSnapshot, delete
//     commit
//     - - - - - - - - - - - -  one round trip

internal import Foundation
internal import MartletPersistence

/// One batch on its way.
struct PostgreSQLTransaction {
    /// Why nothing of it is stored.
    struct Failure {
        /// The write that is at fault; nil: none of them alone.
        var write: Int?
        var error: StoreError
        /// The journal is not as the writer knows it.
        var isMismatch = false
    }

    private let writes: [PostgreSQLWrite]
    /// To run next.
    private(set) var statements: [PostgreSQLConnection.Statement] = []
    /// Which write each of them belongs to.
    private var owners: [Int?] = []
    /// For each write what it returns once all is committed.
    private(set) var found: [StoredJournal?]
    /// The keys of the journals that are opened.
    private var keys: [Int: Int64] = [:]
    private(set) var failure: Failure?

    init(_ writes: [PostgreSQLWrite], writer: Int64, session: Int64, batch: Int64) {
        self.writes = writes
        found = writes.map { _ in nil }
        add(.begin, [], for: nil)
        add(.mark, [.int(writer), .int(session), .int(batch)], for: nil)
    }

    var hasOpenings: Bool {
        writes.contains { if case .open = $0 { true } else { false } }
    }

    private mutating func add(_ query: PostgreSQLQuery, _ parameters: [PostgreSQLParameter], for write: Int?) {
        statements.append(.prepared(query.rawValue, parameters))
        owners.append(write)
    }

    /// A name as it is stored: strings that are equal have the same bytes once they are composed.
    static func key(_ name: String) -> PostgreSQLParameter {
        .bytes(Array(name.precomposedStringWithCanonicalMapping.utf8))
    }

    // MARK: The first round trip

    /// Adds what reads the journals that are opened.
    mutating func find() {
        for case (let index, .open(let name)) in writes.enumerated() {
            for query in [PostgreSQLQuery.find, .snapshot, .events] { add(query, [Self.key(name)], for: index) }
        }
    }

    /// Takes what was read; a journal that is damaged is the failure.
    mutating func read(_ outcomes: [PostgreSQLConnection.Outcome]) {
        check(outcomes)
        if failure != nil { return }
        var rows: [Int: [[PostgreSQLRow]]] = [:]
        for case (let index?, .rows(let some)) in zip(owners, outcomes) { rows[index, default: []].append(some) }
        for case (let index, .open(let name)) in writes.enumerated() {
            do throws(StoreError) {
                guard let rows = rows[index], rows.count == 3, let journal = rows[0].first else { throw .unknown }
                keys[index] = journal.int(0)
                found[index] = try Self.journal(name, journal, snapshot: rows[1].first, events: rows[2])
            } catch {
                failure = Failure(write: index, error: error)
                return
            }
        }
    }

    private static func journal(
        _ name: String, _ row: PostgreSQLRow, snapshot: PostgreSQLRow?, events: [PostgreSQLRow]
    ) throws(StoreError) -> StoredJournal {
        if let snapshot, crc32(snapshot.bytes(0)) != snapshot.int(1) { throw .corrupt(sequence: 0) }
        let covered = UInt64(row.int(1))
        if covered > 0, snapshot == nil { throw .corrupt(sequence: 0) }
        var stored = StoredEvents(after: covered)
        for event in events { try stored.add(event.bytes(1), checksum: event.int(2), at: event.int(0)) }
        let missing = row.int(2) - Int64(covered) - Int64(events.count)
        if missing != 0 { throw .corrupt(sequence: covered + UInt64(events.count) + 1) }
        return StoredJournal(
            id: JournalID(name: name, epoch: UInt64(row.int(3))), snapshot: snapshot?.bytes(0), sequence: covered,
            events: stored.events, cutBytes: stored.cutBytes)
    }

    // MARK: The last round trip

    /// Adds what stores, and the commit; what was read before is not run again.
    ///
    /// Openings come first: an append of the opening before, in the same batch, is fenced, as its event was not read.
    mutating func write() {
        if hasOpenings { (statements, owners) = ([], []) }
        for (index, key) in keys.sorted(by: { $0.key < $1.key }) {
            guard let journal = found[index] else { continue }
            let stored = Int64(journal.sequence) + Int64(journal.events.count)
            add(.take, [.int(key), .int(Int64(journal.id.epoch)), .int(stored)], for: index)
            if journal.cutBytes > 0 { add(.cut, [.int(key), .int(stored)], for: index) }
        }
        for (index, write) in writes.enumerated() {
            switch write {
            case .open: break
            case .append(let events, let journal, let sequence):
                add(
                    .append,
                    Self.opening(journal, sequence) + [.bytesArray(events), .intArray(events.map(crc32))], for: index)
            case .saveSnapshot(let snapshot, let journal, let sequence):
                add(
                    .saveSnapshot,
                    Self.opening(journal, sequence) + [.bytes(snapshot), .int(crc32(snapshot))], for: index)
            case .delete(let name): add(.deleteJournal, [Self.key(name)], for: index)
            }
        }
        add(.commit, [], for: nil)
    }

    private static func opening(_ journal: JournalID, _ sequence: UInt64) -> [PostgreSQLParameter] {
        [key(journal.name), .int(Int64(journal.epoch)), .int(Int64(sequence))]
    }

    /// Notes the first failure among the outcomes.
    mutating func check(_ outcomes: [PostgreSQLConnection.Outcome]) {
        for case (let owner, .failed(let error)) in zip(owners, outcomes) where failure == nil {
            // A NULL where none may be: PostgreSQLSchema.
            failure = Failure(write: owner, error: error.storeError, isMismatch: error.sqlState == "23502")
        }
    }
}
