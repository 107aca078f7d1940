// SPDX-License-Identifier: Apache-2.0
// `durable`: servers that store each transition before they answer, all in one SQLite file with synchronous=FULL, or on one
// PostgreSQL server: the one at MARTLET_POSTGRESQL, as libpq takes it.

import Foundation
import Martlet
import MartletBenchCore
import MartletPersistence
import MartletPostgreSQL
import MartletSQLite

struct DurableServer: AsyncGenServer, ~Copyable {
    enum Call { case increment(From<Result<Int, StoreError>>) }
    enum Event: Codable { case incremented }

    private var journal: Journal<Int, Event>

    init(_ argument: (name: String, store: any DurableStore)) async throws {
        journal = try await Journal(argument.name, in: argument.store, initial: 0) { value, event in
            switch event {
            case .incremented: value += 1
            }
        }
    }

    mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .increment(let from):
            do throws(StoreError) {
                try await journal.record(.incremented)
                return from.reply(.success(journal.value))
            } catch { return from.reply(.failure(error)) }
        }
    }
}

extension DurableServer {
    static var postgreSQL: String? { ProcessInfo.processInfo.environment["MARTLET_POSTGRESQL"] }

    /// A store in a file that is removed afterwards.
    static func withFile<R>(_ body: (any DurableStore) async throws -> R) async throws -> R {
        let path = FileManager.default.temporaryDirectory.appending(path: "martlet-bench-\(UUID().uuidString)").path
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        return try await body(SQLiteStore(path: path))
    }

    /// One client a server; each checks that its count is whole.
    static func drive(_ servers: Int, _ store: any DurableStore, _ run: Run) async throws -> Outcome {
        for index in 0..<servers { try await store.delete("\(index)") }
        var all: [Ref] = []
        for index in 0..<servers { all.append(try await start(("\(index)", store))) }
        let share = run.operations / servers
        let started = MonotonicClock.now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in all {
                group.addTask(executorPreference: Runtime.shared.executor) {
                    for step in 1...share {
                        try WrongResult.unless(
                            try await server.call(timeout: nil) { .increment($0) }.get(), is: step, "count")
                    }
                }
            }
            try await group.waitForAll()
        }
        let ended = MonotonicClock.now()
        for server in all { try await server.stop() }
        return Outcome(operations: share * servers, nanoseconds: ended - started)
    }
}
