// SPDX-License-Identifier: Apache-2.0
// The database of the pool: a real one, a SQLite file, that lets in so many at a time. A connection to it is an open file,
// until it is closed.

import Foundation
import GRDB
import Synchronization

final class Database: Sendable {
    /// No room for another connection, or the connection is closed.
    struct Refused: Error {}

    /// Of the file: made by the first connection, removed with this value.
    let path: String
    private let limit: Int
    private let opened = Atomic(0)

    /// - Parameter limit: how many connections it ever opens.
    init(limit: Int = .max) {
        // Without links: the system names an open file by its own path.
        let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        path = folder.appending(path: "martlet-pool-\(UUID().uuidString)").path
        self.limit = limit
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Connections opened so far.
    var openedSoFar: Int { opened.load(ordering: .acquiring) }

    /// Connections that are open now: how often this program has the file open, as the system says.
    var open: Int {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.count { descriptor in
            // Not there any more: the descriptor of the folder itself.
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) == path
        }
    }

    /// From now on queries fail: nothing is left in the file.
    func crash() throws { try Data().write(to: URL(filePath: path)) }

    func connect() throws -> Connection {
        guard opened.add(1, ordering: .acquiringAndReleasing).newValue <= limit else {
            opened.subtract(1, ordering: .acquiringAndReleasing)
            throw Refused()
        }
        return try Connection(to: self)
    }
}

/// One connection, as it is lent: whoever holds it may use it until its owner closes it.
final class Connection: Sendable {
    /// The file is there as long as somebody is connected.
    private let database: Database
    private let queue: DatabaseQueue
    private let isOpen = Atomic(true)

    fileprivate init(to database: Database) throws {
        self.database = database
        queue = try DatabaseQueue(path: database.path)
        try queue.write { try $0.execute(sql: "CREATE TABLE IF NOT EXISTS greetings AS SELECT 'hello' AS word") }
    }

    /// The first value of the first row.
    @discardableResult
    func query(_ sql: String) throws -> String? {
        guard isOpen.load(ordering: .acquiring) else { throw Database.Refused() }
        return try queue.read { try String.fetchOne($0, sql: sql) }
    }

    /// Ends a query that is under way, then closes the file.
    fileprivate func close() {
        guard isOpen.exchange(false, ordering: .acquiringAndReleasing) else { return }
        queue.interrupt()
        try? queue.close()
    }
}

/// Connections with one owner: when this value ends, they are closed, whoever else holds one, and whatever ended it.
struct Connections: ~Copyable {
    private(set) var all: [Connection] = []

    deinit { for connection in all { connection.close() } }

    /// Opens one more.
    mutating func open(to database: Database) throws { all.append(try database.connect()) }
}
