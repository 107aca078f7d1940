// SPDX-License-Identifier: Apache-2.0
// A program of durable counters that a test kills: prints each acknowledged count as a line "name count".

import Foundation
import Martlet
import MartletPersistence
import MartletPostgreSQL
import MartletSQLite

struct WrittenCounter: AsyncGenServer, ~Copyable {
    enum Call { case increment(From<Result<Int, StoreError>>) }
    enum Event: Codable { case incremented }

    private var journal: Journal<Int, Event>

    init(_ argument: (name: String, store: any DurableStore)) async throws {
        journal = try await Journal(argument.name, in: argument.store, initial: 0, snapshotEvery: 7) { value, event in
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

@main
struct DurableWriter {
    static func main() async throws {
        // A file, or what is known of a server.
        let address = CommandLine.arguments[1]
        let store: any DurableStore =
            address.contains("=") ? try await PostgreSQLStore(address) : try SQLiteStore(path: address)
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    do {
                        let counter = try await WrittenCounter.start(("counter-\(index)", store))
                        while true {
                            let count = try await counter.call { .increment($0) }.get()
                            // One write: lines of several tasks do not mix.
                            FileHandle.standardOutput.write(Data("counter-\(index) \(count)\n".utf8))
                        }
                    } catch {
                        print("failed: \(error)")
                        exit(1)
                    }
                }
            }
        }
    }
}
