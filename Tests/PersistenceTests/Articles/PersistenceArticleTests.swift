// SPDX-License-Identifier: Apache-2.0
// The example of Persistence.md, as it stands there.

import Martlet
import MartletPersistence
import MartletSQLite
import Testing

@Suite("Persistence.md")
struct PersistenceArticleTests {
    struct Account: AsyncGenServer, ~Copyable {
        enum Call { case pay(Int, From<Result<Int, StoreError>>) }
        enum Event: Codable { case paid(Int) }

        private var journal: Journal<Int, Event>

        init(_ store: SQLiteStore) async throws {
            journal = try await Journal("account-7", in: store, initial: 0) { balance, event in
                switch event {
                case .paid(let amount): balance += amount
                }
            }
        }

        mutating func handleCall(_ call: Call) async -> Next {
            switch call {
            case .pay(let amount, let from):
                do throws(StoreError) {
                    try await journal.record(.paid(amount))  // on the disk
                    return from.reply(.success(journal.value))  // then acknowledged
                } catch { return from.reply(.failure(error)) }
            }
        }
    }

    @Test("what was acknowledged is there after a kill (S44)")
    func account() async throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.database)
        let before = try await Account.start(store)
        #expect(try await before.call { .pay(100, $0) }.get() == 100)
        before.pid.kill()
        _ = try await before.pid.waitForExit()
        let after = try await Account.start(store)
        #expect(try await after.call { .pay(20, $0) }.get() == 120)
        try await after.stop()
    }
}
