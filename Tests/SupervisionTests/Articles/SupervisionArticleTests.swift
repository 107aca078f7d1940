// SPDX-License-Identifier: Apache-2.0
// The examples of Supervision.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Supervision.md", .timeLimit(.minutes(5)))
struct SupervisionArticleTests {
    struct Database: GenServer {
        static let name: Name = "database"
        init(_ url: String) {}
    }

    struct Cache: GenServer {
        static let name: Name = "cache"
        init(_: Void) {}
    }

    struct Checkout: GenServer {
        static let name: Name = "checkout"
        init(_: Void) {}
    }

    struct Reporter: GenServer {
        init(_ index: Int) {}
    }

    struct Session: GenServer {
        enum Call { case user(From<String>) }
        private let user: String
        init(_ user: String) { self.user = user }
        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .user(let from): from.reply(user)
            }
        }
    }

    struct Counter: GenServer {
        enum Call { case increment(by: Int, From<Int>) }
        private var count: Int
        init(_ count: Int) { self.count = count }
        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .increment(let n, let from):
                count += n
                return from.reply(count)
            }
        }
    }

    enum ManualCounter {
        static func startLink(_ initial: Int) -> ProcessRef<Int> {
            spawnLink { (mailbox: inout Mailbox<Int>) in
                var count = initial
                while true { count += try await mailbox.receive() }
            }
        }
    }

    @Test("a tree of servers, a registry and sessions under it; stopped by a deadline (R18, S23)")
    func tree() async throws {
        try await withTestRuntime { test in
            let url = "db://localhost"
            let sessions = Registry<String, Void>("sessions")
            let tree = try await Supervisor.start(.restForOne, name: "tree") {
                Database.child(url, name: Database.name)
                Cache.child(name: Cache.name)
                for index in 0..<4 { Reporter.child(index, id: ChildID("reporter-\(index)")) }
                Supervisor.child("sessions", .oneForAll) {
                    sessions.child  // a registry
                    DynamicSupervisor.child(name: "session-supervisor")
                }
            }
            #expect(try await tree.counts().active == 7)
            let name: DynamicSupervisor.Name = "session-supervisor"
            let session = try await name.start(Session.self, "ada", name: .via(sessions, "ada"), restart: .transient)
            #expect(sessions.pid("ada") == session.pid)
            for status in await tree.shutDown(deadline: .seconds(10)).stuck {
                // <12.3> Exporter running("Exporter.Cast", 9.98 seconds)
                print(status.pid, status.type, status.activity)
            }
            test.assertNothingLeft()
        }
    }

    @Test("any linked process is a child (S2)")
    func manual() async throws {
        try await withTestRuntime { test in
            let tree = try await Supervisor.start {
                ChildSpec(id: "manual") { ManualCounter.startLink(0).pid }
            }
            #expect(try await tree.counts().active == 1)
            try await tree.stop(.shutdown)
            test.assertNothingLeft()
        }
    }

    @Test("copies by key")
    func copies() async throws {
        try await withTestRuntime { test in
            let counters: PartitionSupervisor<Counter>.Name = "counters"
            _ = try await PartitionSupervisor<Counter>.start(.init(partitions: 8) { _ in 0 }, name: counters)
            let visits = try await counters.name(for: "ada").call { .increment(by: 1, $0) }
            #expect(visits == 1)
            try await counters.stop()
            test.assertNothingLeft()
        }
    }

    struct Shop: Application {
        var url = "db://localhost"
        var children: [ChildSpec] {
            Database.child(url, name: Database.name)
            Checkout.child(name: Checkout.name)
        }
        var stopDeadline: Duration { .seconds(20) }
    }

    @Test("the children of a program")
    func program() async throws {
        try await withTestRuntime { test in
            let tree = try await Supervisor.start { Shop().children }
            #expect(try await tree.counts().active == 2)
            try await tree.stop(.shutdown)
            test.assertNothingLeft()
        }
    }
}
