// SPDX-License-Identifier: Apache-2.0
// Others on the same rows, for real: a statement that takes too long, a deadlock, a program that changes what is being waited
// for. What the codes alone mean: PostgreSQLStoreTests.

import MartletPersistence
import MartletPostgreSQL
import MartletTestKit
import Testing

@Suite("PostgreSQL conflicts", .sharesPostgreSQL, .needsPostgreSQL, .timeLimit(.minutes(5)))
struct PostgreSQLConflictTests {
    /// Returns when so many statements wait for a lock in sessions of that name.
    private static func waiting(_ count: Int, in name: String, of server: PostgreSQLServer) async throws {
        let waiting = """
            SELECT count(*), pg_sleep(0.01) FROM pg_stat_activity
            WHERE application_name = '\(name)' AND wait_event_type = 'Lock'
            """
        try await eventually(within: .seconds(60)) { try await server.count(waiting) == count }
    }

    private static func open(
        _ server: PostgreSQLServer, _ name: String, _ options: String
    ) async throws -> PostgreSQLStore {
        let address = server.address(schema: name, options: options) + " application_name=\(name)"
        return try await PostgreSQLStore(address, timeout: .seconds(60))
    }

    @Test("a statement that the server's timeout ends is busy: nothing of it is stored, and it is not tried again")
    func statementTimeout() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await Self.open(server, name, "-c statement_timeout=10000")
        let counter = try await DurableCounter.start(.init(name: "a", store: store))
        #expect(try await counter.increment() == 1)
        let holder = try server.connect(schema: name)
        try holder.rows([.text("BEGIN"), .text("SELECT 1 FROM martlet_journals WHERE name = 'a' FOR UPDATE")])
        #expect(await word { _ = try await counter.increment() } == "busy: held by another program")
        #expect(try await counter.call { .get($0) } == 1)
        try holder.rows([.text("ROLLBACK")])
        #expect(try await server.count("SELECT count(*) FROM martlet_events", schema: name) == 1)
        #expect(try await counter.increment() == 2)
        try await counter.stop()
    }

    @Test("the one that a deadlock ends is busy: nothing of it is stored, the other goes on, and so does the journal")
    func deadlock() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await Self.open(server, name, "-c deadlock_timeout=100")
        let id = try await store.open("a").id
        let key = try await server.count("SELECT id FROM martlet_journals", schema: name)
        func event(_ sequence: Int) -> String { "INSERT INTO martlet_events VALUES (\(key), \(sequence), '', 0)" }
        // The store holds the journal, and waits for who has event 1.
        let first = try server.connect(schema: name)
        try first.rows([.text("BEGIN"), .text(event(1))])
        async let refused = word { try await store.append([[1], [2]], to: id, after: 0) }
        try await Self.waiting(1, in: name, of: server)
        // Another has event 2, and waits for the journal.
        async let other = server.run(
            "SET deadlock_timeout = '100s'", "SET application_name = '\(name)'", "BEGIN", event(2),
            "SELECT count(*) FROM (SELECT 1 FROM martlet_journals FOR UPDATE) AS journal", "ROLLBACK", schema: name)
        try await Self.waiting(2, in: name, of: server)
        // The store has event 1, and waits for event 2: it finds the deadlock, as the other looks much later.
        try first.rows([.text("ROLLBACK")])
        #expect(await refused == "busy: held by another program")
        _ = try await other
        #expect(try await server.count("SELECT count(*) FROM martlet_events", schema: name) == 0)
        try await store.append([[1], [2]], to: id, after: 0)
        #expect(try await store.open("a").events == [[1], [2]])
    }

    /// Something that a store waits for, and goes on with when it has been changed.
    enum Wait: String, CaseIterable {
        /// A journal's row, in an append.
        case append
        /// Its own row, when its connection was lost.
        case takeOver
        /// The row of a program that is long gone, when it starts.
        case start
    }

    @Test(
        "no conflict where the database's default is serializable: who waited goes on with what it finds",
        arguments: Wait.allCases)
    func serializable(wait: Wait) async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let options = "-c default_transaction_isolation=serializable"
        let store = try await Self.open(server, name, options)
        let id = try await store.open("a").id
        if wait == .start {
            try await server.run("UPDATE martlet_writers SET seen = now() - interval '31 days'", schema: name)
        }
        let change =
            switch wait {
            case .append: "UPDATE martlet_journals SET covered = covered"
            case .takeOver: "UPDATE martlet_writers SET seen = now()"
            case .start: "DELETE FROM martlet_writers"
            }
        let holder = try server.connect(schema: name)
        try holder.rows([.text("BEGIN"), .text(change)])
        async let done = word {
            switch wait {
            case .append: try await store.append([[1]], to: id, after: 0)
            case .takeOver:
                try await server.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)'")
                try await store.append([[1]], to: id, after: 0)
            case .start: _ = try await Self.open(server, name, options)
            }
        }
        try await Self.waiting(1, in: name, of: server)
        try holder.rows([.text("COMMIT")])
        #expect(await done == "done")
        try await store.append([[2]], to: id, after: wait == .start ? 0 : 1)
    }
}
