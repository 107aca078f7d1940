// SPDX-License-Identifier: Apache-2.0
// Servers that are lost while they store. Nothing that was acknowledged is lost, nothing is stored twice, and what cannot be
// known is said to be unknown.

import Foundation
import Martlet
import MartletPersistence
import MartletPostgreSQL
import MartletTestKit
import Testing

@Suite(
    "PostgreSQL servers that are lost", .sharesPostgreSQL, .needsPostgreSQL,
    .timeLimit(.minutes(5)))
struct PostgreSQLLossTests {
    /// Stores until a commit is on the server's disk and not acknowledged, as it waits for a server that is not there.
    ///
    /// - Returns: what came before, and the one that waits.
    private func heldBack<R: Sendable>(
        _ server: PostgreSQLServer, _ store: @escaping @Sendable (Int) async throws -> R
    ) async throws -> (before: Int, waits: Task<R, any Error>) {
        try await server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
        // The server reads its settings when it likes.
        for step in 0... {
            let isStored = _Locked(false)
            let task = Task {
                defer { isStored.withLock { $0 = true } }
                return try await store(step)
            }
            var isHeldBack = false
            try await eventually(within: .seconds(60)) {
                let waiting = "SELECT count(*), pg_sleep(0.01) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                isHeldBack = try await server.count(waiting) == 1
                return isHeldBack || isStored.withLock { $0 }
            }
            if isHeldBack { return (step, task) }
        }
        preconditionFailure("expected an end, got none")
    }

    @Test("a connection that dies between a commit and its answer: stored once, and acknowledged")
    func answerLost() async throws {
        let server = try await PostgreSQLServer.start()
        let store = try await PostgreSQLStore(server.address(), timeout: .seconds(60))
        let id = try await store.open("a").id
        let (before, waits) = try await heldBack(server) { step in
            try await store.append([[1]], to: id, after: UInt64(step))
        }
        try await server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
            "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
        try await waits.value
        try await store.append([[2]], to: id, after: UInt64(before + 1))
        #expect(try await store.open("a").events.count == before + 2)
        #expect(try await server.count("SELECT session FROM martlet_writers") == 2)
    }

    @Test("a server that does not come back leaves what it was committing unknown; opened again, the journal tells")
    func unknown() async throws {
        let server = try await PostgreSQLServer.start()
        let store = try await PostgreSQLStore(server.address(), timeout: .seconds(5))
        let counter = try await DurableCounter.start(.init(store: store))
        let (before, waits) = try await heldBack(server) { _ in await word { _ = try await counter.increment() } }
        try await server.kill()
        let unknown = "unknown: the server was lost while it stored"
        #expect(try await waits.value == unknown)
        // What had not been sent is not stored, and that is known.
        #expect(await word { _ = try await store.open("other") } == "unreachable: \(server.folder):5432")
        try FileManager.default.removeItem(atPath: server.folder + "/data/postgresql.auto.conf")
        try await server.start()
        #expect(await word { _ = try await counter.increment() } == unknown)
        try await counter.stop()
        let again = try await DurableCounter.start(.init(store: store))
        #expect(try await again.call { .get($0) } == before + 1)
        #expect(try await again.increment() == before + 2)
        try await again.stop()
    }

    @Test(
        "kill -9 of the server under load, and a restart: every server goes on, nothing acknowledged is lost or doubled"
    )
    func serverKilled() async throws {
        let server = try await PostgreSQLServer.start()
        let store = try await PostgreSQLStore(server.address(), timeout: .seconds(60))
        let counters = 8
        let steps = 40
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (acknowledged, source) = AsyncStream<Void>.makeStream()
            for index in 0..<counters {
                group.addTask {
                    let counter = try await DurableCounter.start(
                        .init(name: "\(index)", store: store, snapshotEvery: 7))
                    for step in 1...steps {
                        // Once: what is doubled would count too far.
                        #expect(try await counter.call(timeout: nil) { .increment($0) }.get() == step)
                        source.yield()
                    }
                    try await counter.stop()
                }
            }
            for _ in 1...2 {
                for await _ in acknowledged.prefix(counters * steps / 4) {}
                try await server.kill()
                try await server.start()
            }
            try await group.waitForAll()
        }
        for index in 0..<counters {
            let stored = try await store.open("\(index)")
            #expect(stored.sequence + UInt64(stored.events.count) == UInt64(steps))
        }
    }

    @Test(
        "a server that is away longer than the timeout fails the transition as unreachable; back again, it stores the next"
    )
    func away() async throws {
        let server = try await PostgreSQLServer.start()
        let store = try await PostgreSQLStore(server.address(), timeout: .seconds(5))
        let counter = try await DurableCounter.start(.init(store: store))
        _ = try await counter.increment()
        try await server.stop()
        let unreachable = "unreachable: \(server.folder):5432"
        // The first finds out that the connection is gone when it commits over it, and cannot ask.
        let first = await word { _ = try await store.open("other") }
        #expect(first == unreachable)
        #expect(await word { _ = try await counter.increment() } == unreachable)
        try await server.start()
        #expect(try await counter.increment() == 2)
        try await counter.stop()
    }

    @Test(
        "a full disk of the server fails the transition with full; stored again when there is room",
        .enabled(if: PostgreSQLServer.canMount, "a file system of the test's own has to be mounted, as root"))
    func diskFull() async throws {
        let server = try await PostgreSQLServer.start(onSmallDisk: true)
        let disk = try #require(server.smallDisk)
        let store = try await PostgreSQLStore(server.address(), timeout: .seconds(60))
        try await server.run(
            "CREATE TABLESPACE small LOCATION '\(disk)'",
            "ALTER TABLE martlet_events SET TABLESPACE small",
            "ALTER TABLE martlet_events ALTER body SET STORAGE PLAIN",
            "CREATE TABLE filler TABLESPACE small AS SELECT md5(i::text) FROM generate_series(1, 160000) AS i")
        let id = try await store.open("big").id
        let events = [[UInt8]](repeating: [UInt8](repeating: 7, count: 7_000), count: 200)
        var stored: UInt64 = 0
        var failure = "done"
        while failure == "done", stored < 10_000 {
            failure = await word { try await store.append(events, to: id, after: stored) }
            if failure == "done" { stored += UInt64(events.count) }
        }
        #expect(failure == "full" && stored < 10_000)
        try await server.run("DROP TABLE filler")
        try await store.append(Array(events.prefix(100)), to: id, after: stored)
        #expect(try await store.open("big").events.count == Int(stored) + 100)
    }
}
