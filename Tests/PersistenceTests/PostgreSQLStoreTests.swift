// SPDX-License-Identifier: Apache-2.0
// What only a server can do to a journal: not be there, refuse, be slow, be full. What it loses: PostgreSQLLossTests.

import Foundation
import MartletPersistence
import MartletPostgreSQL
import MartletTestKit
import Testing

@Suite("PostgreSQL journals", .sharesPostgreSQL, .needsPostgreSQL, .timeLimit(.minutes(5)))
struct PostgreSQLStoreTests {
    private func failure(_ address: String) async -> PostgreSQLError? {
        do throws(StoreError) { _ = try await PostgreSQLStore(address) } catch {
            if case .failed(let error as PostgreSQLError) = error { return error }
            Issue.record(error)
        }
        return nil
    }

    @Test("no server: a typed error that names where it should be")
    func absent() async throws {
        let folder = try Folder()
        let here = await word { _ = try await PostgreSQLStore("host=\(folder.path) port=5433 dbname=a") }
        #expect(here == "unreachable: \(folder.path):5433")
        // Nothing listens on the first port.
        #expect(
            await word { _ = try await PostgreSQLStore("postgresql://127.0.0.1:1/a") } == "unreachable: 127.0.0.1:1")
    }

    @Test("wrong password, missing database, no rights, read-only, no address: each is told apart")
    func refused() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        try await server.run(
            "CREATE ROLE guest LOGIN", "GRANT USAGE ON SCHEMA \(name) TO guest",
            "CREATE ROLE locked LOGIN PASSWORD 'right'")
        #expect(await failure(server.address(schema: name, user: "stranger"))?.kind == .authentication)
        let missing = server.address(schema: name).replacing("dbname=postgres", with: "dbname=nowhere")
        #expect(await failure(missing)?.kind == .noDatabase)
        #expect(await failure(server.address(schema: name, user: "guest"))?.kind == .notPermitted)
        let reading = server.address(schema: name, options: "-c default_transaction_read_only=on")
        let readOnly = await failure(reading)
        #expect(readOnly?.kind == .readOnly && readOnly?.sqlState == "25006")
        #expect(await failure("nonsense=1")?.kind == .configuration)
        let locked = server.address(schema: name, user: "locked") + " password=wrong"
        let wrong = await failure(locked)
        #expect(wrong?.kind == .authentication && wrong?.sqlState == "28P01")
        #expect(wrong.map { "\($0)" } == "authentication (28P01, \(server.folder):5432)")
    }

    @Test(
        "a journal that another transaction holds is busy, and free again afterwards; others are not held up for ever")
    func busy() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let impatient = try await PostgreSQLStore(server.address(schema: name), timeout: .seconds(5))
        let id = try await impatient.open("a").id
        let other = try await impatient.open("b").id
        let holder = try server.connect(schema: name)
        try holder.rows([.text("BEGIN"), .text("SELECT 1 FROM martlet_journals WHERE name = 'a' FOR UPDATE")])
        async let unhindered = word { try await impatient.append([[1]], to: other, after: 0) }
        #expect(await word { try await impatient.append([[1]], to: id, after: 0) } == "busy: held by another program")
        #expect(await unhindered == "done")
        try holder.rows([.text("ROLLBACK")])
        try await impatient.append([[1]], to: id, after: 0)
        #expect(try await impatient.open("a").events == [[1]])
    }

    @Test("no space on the server's disk is full: what is too large fails, the rest is stored")
    func full() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await PostgreSQLStore(server.address(schema: name), timeout: .seconds(60))
        var ids: [JournalID] = []
        for index in 0..<20 { ids.append(try await store.open("\(index)").id) }
        // The code of the real thing: PostgreSQLLossTests has a disk that is full.
        try await server.run(
            """
            CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
            """,
            """
            CREATE TRIGGER no_space BEFORE INSERT ON martlet_events FOR EACH ROW WHEN (length(NEW.body) > 100)
            EXECUTE FUNCTION no_space()
            """, schema: name)
        let words = await withTaskGroup(of: (Int, String).self) { group in
            for (index, id) in ids.enumerated() {
                let body = [UInt8](repeating: 7, count: index % 4 == 0 ? 101 : 100)
                group.addTask { (index, await word { try await store.append([body], to: id, after: 0) }) }
            }
            return await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        for index in 0..<20 { #expect(words[index] == (index % 4 == 0 ? "full" : "done")) }
        try await server.run("DROP TRIGGER no_space ON martlet_events", schema: name)
        try await store.append([[7]], to: ids[0], after: 0)
        #expect(try await store.open("0").events == [[7]])
    }

    @Test(
        "what a server refuses a statement with, in the words of stores; the next statement is stored",
        arguments: [
            ("disk_full", "full"), ("configuration_limit_exceeded", "full"),
            ("query_canceled", "busy: held by another program"),
            ("serialization_failure", "busy: held by another program"),
            ("deadlock_detected", "busy: held by another program"), ("data_corrupted", "corrupt at event 0"),
            ("out_of_memory", "failed (PostgreSQLError)"),
        ])
    func codes(code: String, expected: String) async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await PostgreSQLStore(server.address(schema: name), timeout: .seconds(60))
        let id = try await store.open("a").id
        try await server.run(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '\(code)'; END $$
            """,
            "CREATE TRIGGER refuse BEFORE INSERT ON martlet_events FOR EACH ROW EXECUTE FUNCTION refuse()",
            schema: name)
        #expect(await word { try await store.append([[1]], to: id, after: 0) } == expected)
        try await server.run("DROP TRIGGER refuse ON martlet_events", schema: name)
        try await store.append([[1]], to: id, after: 0)
    }

    @Test("a commit is synchronous, also where the database's default is not")
    func synchronous() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await PostgreSQLStore(
            server.address(schema: name, options: "-c synchronous_commit=off"), timeout: .seconds(60))
        let id = try await store.open("a").id
        try await server.run(
            """
            CREATE FUNCTION must_be_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF current_setting('synchronous_commit') = 'off' THEN RAISE EXCEPTION 'off'; END IF;
                RETURN NEW;
            END $$
            """,
            """
            CREATE TRIGGER must_be_on BEFORE INSERT ON martlet_events FOR EACH ROW EXECUTE FUNCTION must_be_on()
            """, schema: name)
        try await store.append([[1]], to: id, after: 0)
    }

    @Test("events that are missing at the end are no torn tail: the journal is refused")
    func missingTail() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await PostgreSQLStore(server.address(schema: name), timeout: .seconds(60))
        let id = try await store.open("a").id
        try await store.append([[1], [2], [3]], to: id, after: 0)
        try await server.run("DELETE FROM martlet_events WHERE sequence = 3", schema: name)
        #expect(await word { _ = try await store.open("a") } == "corrupt at event 3")
    }

    @Test("programs that start at once make the tables once; each fences the one before")
    func startedTogether() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let address = server.address(schema: name)
        let epochs = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for _ in 0..<6 {
                group.addTask { try await PostgreSQLStore(address, timeout: .seconds(60)).open("a").id.epoch }
            }
            return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
        }
        #expect(epochs.count == 6)
    }

    @Test("a session that is ended while idle, or while it stores, is made again, and what it stored is there once")
    func ended() async throws {
        let (server, name) = try await PostgreSQLServer.schema()
        let store = try await PostgreSQLStore(
            server.address(schema: name) + " application_name=\(name)", timeout: .seconds(60))
        let id = try await store.open("a").id
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '\(name)'"
        #expect(try await server.count(end) == 1)
        try await store.append([[1]], to: id, after: 0)
        let holder = try server.connect(schema: name)
        try holder.rows([.text("BEGIN"), .text("SELECT 1 FROM martlet_journals WHERE name = 'a' FOR UPDATE")])
        async let stored: Void = store.append([[2]], to: id, after: 1)
        let waiting =
            "SELECT count(*), pg_sleep(0.01) FROM pg_stat_activity WHERE application_name = '\(name)' AND wait_event_type = 'Lock'"
        try await eventually(within: .seconds(60)) { try await server.count(waiting) == 1 }
        // That one: the first may still be on its way out.
        #expect(try await server.count(end + " AND wait_event_type = 'Lock'") == 1)
        try holder.rows([.text("ROLLBACK")])
        try await stored
        #expect(try await store.open("a").events == [[1], [2]])
    }
}
