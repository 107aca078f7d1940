// SPDX-License-Identifier: Apache-2.0
// Stands for an external resource that must be given back: a database that counts its connections. Not a real one.

import Synchronization

final class Database: Sendable {
    /// There is no answer, or no room for another connection.
    struct Refused: Error {}

    private let limit: Int
    private let up = Atomic(true)
    private let opened = Atomic(0)
    private let closed = Atomic(0)

    /// - Parameter limit: how many connections it ever opens.
    init(limit: Int = .max) { self.limit = limit }

    /// Connections that are open now: what a leak would raise.
    var open: Int { opened.load(ordering: .acquiring) - closed.load(ordering: .acquiring) }
    /// Connections opened so far.
    var openedSoFar: Int { opened.load(ordering: .acquiring) }

    /// From now on queries fail.
    func crash() { up.store(false, ordering: .releasing) }

    func connect() throws(Refused) -> Connection { Connection(try connectByHand(), of: self) }

    /// As a C library does it: a number, to be given to `disconnect` by whoever thinks of it.
    func connectByHand() throws(Refused) -> Int {
        let number = opened.add(1, ordering: .acquiringAndReleasing).newValue
        guard number <= limit else {
            opened.subtract(1, ordering: .acquiringAndReleasing)
            throw Refused()
        }
        return number
    }

    func disconnect(_ number: Int) { closed.add(1, ordering: .acquiringAndReleasing) }

    fileprivate func answer(_ query: String) throws(Refused) -> String {
        guard up.load(ordering: .acquiring) else { throw Refused() }
        return query
    }
}

/// One connection: closed by `close`, and by its `deinit` at the latest.
final class Connection: Sendable {
    let number: Int
    private let database: Database
    private let isOpen = Atomic(true)

    fileprivate init(_ number: Int, of database: Database) { (self.number, self.database) = (number, database) }

    deinit { close() }

    func close() {
        if isOpen.exchange(false, ordering: .acquiringAndReleasing) { database.disconnect(number) }
    }

    @discardableResult
    func query(_ query: String) throws(Database.Refused) -> String {
        guard isOpen.load(ordering: .acquiring) else { throw Database.Refused() }
        return try database.answer(query)
    }
}
