// SPDX-License-Identifier: Apache-2.0
// The examples of Registries.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

let sessions = Registry<String, Void>("sessions")

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

private let ports = Registry<String, Int>("ports")

@Suite("Registries.md", .timeLimit(.minutes(5)))
struct RegistryArticleTests {
    let news = Registry<String, ProcessRef<String>>("news", .duplicate)
    let players = ProcessGroups<String, String>("players")

    /// Runs `body` with what these specs start, then stops that.
    private func serving(_ children: ChildSpec..., body: @escaping () async throws -> Void) async throws {
        try await withTestRuntime { test in
            let supervisor = Probe(Never.self)
            let started = spawn { (mailbox: inout Mailbox<Int>) in
                mailbox.trapsExits = true
                for child in children { _ = try await child.start() }
                _ = try await mailbox.receive()
                throw ExitSignal(.shutdown)
            }
            supervisor.watch(started.pid)
            await test.clock.runUntilIdle()
            try await body()
            started.send(0)
            try await supervisor.expectDown(of: started.pid)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a server by key (S23, S41)")
    func via() async throws {
        try await serving(sessions.child) {
            let name = Session.Name.via(sessions, "s-1")
            let session = try await Session.start("ada", name: name)
            #expect(try await name.call { .user($0) } == "ada")
            #expect(sessions.pid("s-1") == session.pid)
            await #expect(throws: StartError.self) { try await Session.start("bob", name: name) }
            try await name.stop()
            #expect(sessions.pid("s-1") == nil)
        }
    }

    @Test("a process registers itself, with a value")
    func values() async throws {
        try await serving(ports.child) {
            try await withProcess(receiving: Int.self) { mailbox in
                try ports.register("http", 80)
                ports.update("http") { $0 + 8_000 }
                #expect(ports.entries("http").map(\.value) == [8_080])
                ports.unregister("http")
            }
        }
    }

    @Test("publish and subscribe (S45)")
    func publish() async throws {
        let news = news
        try await serving(news.child) {
            let probe = Probe(String.self)
            let reader = spawn { (mailbox: inout Mailbox<String>) in
                try news.register("sport", mailbox.ref)
                probe.ref.send(try await mailbox.receive())
            }
            try await eventually { news.count == 1 }
            #expect(news.publish("sport", "Two all") == 1)  // how many were sent it
            try await probe.expect("Two all")
            _ = try await reader.pid.waitForExit()
        }
    }

    @Test("groups")
    func groups() async throws {
        let players = players
        try await serving(players.child) {
            let probe = Probe(String.self)
            players.join("red", probe.ref)
            players.join("red", probe.ref)
            #expect(players.broadcast("red", "begin") == 2)
            players.leave("red", probe.ref)
            #expect(players.members("red") == [probe.ref])
        }
    }
}
