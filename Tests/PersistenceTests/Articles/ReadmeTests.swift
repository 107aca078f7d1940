// SPDX-License-Identifier: Apache-2.0
// The listings of the README, as they stand there; Persistence.md begins with its account too.

import Martlet
import MartletPersistence
import MartletSQLite
import MartletTestKit
import Testing

@Suite("README", .timeLimit(.minutes(5)))
struct ReadmeTests {
    struct Counter: GenServer {
        enum Call { case increment(by: Int, From<Int>), get(From<Int>) }
        enum Cast { case reset }
        static let name: Name = "counter"

        private var count: Int
        init(_ initial: Int) { count = initial }  // runs in the new process

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .increment(let n, let from):
                count += n
                return from.reply(count)
            case .get(let from):
                return from.reply(count)
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            count = 0
            return .wait
        }
    }

    struct Main {
        static func main() async throws {
            let counter = try await Counter.start(0, name: Counter.name)  // ServerRef<Counter>, 8 bytes
            let n = try await counter.call { .increment(by: 2, $0) }  // Int: the reply type comes from the case
            print(n)  // 2
            Counter.name.cast(.reset)  // what a reference can do, a name can
            try await counter.stop()
        }
    }

    @Test("the counter of the README starts, counts, is reset by its name, and stops")
    func counter() async throws {
        try await withTestRuntime { test in
            try await Main.main()
            #expect(Counter.name.ref == nil)
            let counter = try await Counter.start(1)
            #expect(try await counter.call { .increment(by: 2, $0) } == 3)
            counter.cast(.reset)
            #expect(try await counter.call { .get($0) } == 0)
            try await counter.stop()
            test.assertNothingLeft()
        }
    }

    struct Account: AsyncGenServer, ~Copyable {
        enum Call { case pay(Int, From<Result<Int, StoreError>>) }
        enum Event: Codable { case paid(Int) }
        static let name: Name = "account"

        private var journal: Journal<Int, Event>

        init(_ path: String) async throws {  // reads what was stored
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
                    try await journal.record(.paid(amount))  // on the disk,
                    return from.reply(.success(journal.value))  // then acknowledged
                } catch { return from.reply(.failure(error)) }
            }
        }
    }

    struct Bank: Application {  // until SIGTERM; stops in order, by a deadline
        var path = "bank.sqlite"
        var children: [ChildSpec] {  // started again when it fails, and found by its name:
            Account.child(path, name: Account.name).with { $0.backoff = Backoff() }
        }  // try await Account.name.call { .pay(100, $0) }.get()
    }

    @Test("the account of the README is supervised, durable and found by its name; what it acknowledged is there (S44)")
    func account() async throws {
        let folder = try Folder()
        let bank = Bank(path: folder.database)
        let tree = try await Supervisor.start { bank.children }
        #expect(try await Account.name.call(timeout: .seconds(60)) { .pay(100, $0) }.get() == 100)
        let before = try #require(Account.name.ref)
        before.pid.kill()
        // Read once: between two reads the killed one can go.
        try await eventually { Account.name.ref.map { $0 != before } ?? false }
        #expect(try await Account.name.call(timeout: .seconds(60)) { .pay(20, $0) }.get() == 120)
        try await tree.stop(.shutdown)
    }
}
