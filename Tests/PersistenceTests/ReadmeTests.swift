// SPDX-License-Identifier: Apache-2.0
// The README's supervised, durable, named server, as it stands there.

import Martlet
import MartletPersistence
import MartletSQLite
import MartletTestKit
import Testing

private struct Account: AsyncGenServer, ~Copyable {
    enum Call { case pay(Int, From<Result<Int, StoreError>>) }
    enum Event: Codable { case paid(Int) }
    static let name: Name = "account"

    private var journal: Journal<Int, Event>

    init(_ path: String) async throws {
        journal = try await Journal("account", in: SQLiteStore(path: path), initial: 0) { balance, event in
            switch event {
            case .paid(let amount): balance += amount
            }
        }
    }

    mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .pay(let amount, let from):
            do throws(StoreError) {
                try await journal.record(.paid(amount))
                return from.reply(.success(journal.value))
            } catch { return from.reply(.failure(error)) }
        }
    }
}

private struct Bank: Application {
    var path = "bank.sqlite"
    var children: [ChildSpec] {
        Account.child(path, name: Account.name).with { $0.backoff = Backoff(first: .milliseconds(1)) }
    }
}

@Suite("README", .timeLimit(.minutes(1)))
struct ReadmeTests {
    @Test("the account of the README is supervised, durable and found by its name")
    func account() async throws {
        let folder = try Folder()
        let bank = Bank(path: folder.database)
        let tree = try await Supervisor.start { bank.children }
        #expect(try await Account.name.call { .pay(100, $0) }.get() == 100)
        let before = Account.name.ref
        before?.pid.kill()
        try await eventually { Account.name.ref != nil && Account.name.ref != before }
        #expect(try await Account.name.call { .pay(20, $0) }.get() == 120)
        try await tree.stop(.shutdown)
    }
}
