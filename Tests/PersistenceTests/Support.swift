// SPDX-License-Identifier: Apache-2.0
// What tests of journals share.

import Foundation
import Martlet
import MartletPersistence
import MartletSQLite

/// A folder of its own for one test, removed with it.
final class Folder: Sendable {
    let path: String
    /// What a memory store would keep there.
    let memory = MemoryStore()

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/journals.sqlite" }

    /// A schema of this name is the folder in a database server.
    var schema: String { path.suffix(44).lowercased().replacing("-", with: "_") }
}

/// A counter that survives: in any store.
struct DurableCounter: AsyncGenServer, ~Copyable {
    struct Argument: Sendable {
        var name = "counter"
        var store: any DurableStore
        var snapshotEvery = 1_000
    }
    enum Call { case increment(From<Result<Int, StoreError>>), get(From<Int>) }
    enum Event: Codable { case incremented }

    private var journal: Journal<Int, Event>

    init(_ argument: Argument) async throws {
        journal = try await Journal(
            argument.name, in: argument.store, initial: 0, snapshotEvery: argument.snapshotEvery
        ) { value, event in
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
        case .get(let from): return from.reply(journal.value)
        }
    }
}

extension ServerAddress<DurableCounter.Ref> {
    /// A sync may take its time on a machine that runs all tests at once.
    nonisolated(nonsending) func increment() async throws -> Int {
        try await call(timeout: .seconds(60)) { .increment($0) }.get()
    }
}

/// A store's failure as a word.
func word(_ body: () async throws -> Void) async -> String {
    do { try await body() } catch { return "\(error)" }
    return "done"
}
