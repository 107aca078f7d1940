// SPDX-License-Identifier: Apache-2.0
// Children without ids, started and stopped at run time (R18).

import MartletTestKit
import Testing

@testable import Martlet

@Suite("DynamicSupervisor")
struct DynamicSupervisorTests {
    @Test("servers are started under it, typed, restarted, and forgotten when they end for good (S8)")
    func life() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init(), name: "sessions")
            let first = try await sessions.start(
                Worker.self, .init(id: "a", journal: journal), name: "a", restart: .transient)
            #expect(try await first.call { .pid($0) } == first.pid)
            #expect(try await sessions.children() == [first.pid])
            Worker.named("a").cast(.fail)
            let second = try await SupervisorTests.process("a", otherThan: first.pid)
            #expect(try await sessions.children() == [second])
            Worker.named("a").cast(.finish)
            try await eventually { try await sessions.count() == 0 }
            try await sessions.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a negative limit traps, and says where it was set")
    func negativeLimit() async {
        let output = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let sessions = try await DynamicSupervisor.start(.init())
            try await sessions.setMaxChildren(-1)
        }
        let text = String(decoding: output?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("DynamicSupervisorTests.swift") && text.contains("got -1"))
    }

    @Test("a child that waits for its backoff is stopped by the process it had (S8)")
    func stopsInBackoff() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init())
            let backoff = Backoff(first: .seconds(10), max: .seconds(10), jitter: 0)
            let child = Worker.child("a", journal).with { $0.backoff = backoff }
            let pid = try await sessions.startChild(child)
            Worker.named("a").cast(.fail)
            try await eventually { try await sessions.children().isEmpty }
            #expect(try await sessions.count() == 1)
            #expect(try await sessions.stopChild(pid))
            #expect(try await sessions.count() == 0)
            #expect(try await !sessions.stopChild(pid))
            await test.clock.advance(by: .seconds(20))
            #expect(journal.all == ["+a"])
            try await sessions.stop()
            test.assertNothingLeft()
        }
    }

    @Test("as many children as allowed, and no more; the limit can be changed")
    func limit() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init(maxChildren: 2))
            for id in ["a", "b"] { try await sessions.start(Worker.self, .init(id: id, journal: journal)) }
            let error = await #expect(throws: StartError.self) {
                try await sessions.start(Worker.self, .init(id: "c", journal: journal))
            }
            guard case .maxChildren? = error else { Issue.record("\(String(describing: error))"); return }
            try await sessions.setMaxChildren(3)
            try await sessions.start(Worker.self, .init(id: "c", journal: journal))
            #expect(try await sessions.counts() == ChildCounts(specs: 3, active: 3))
            try await sessions.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a child that fails or ignores at its first start is not kept")
    func firstStart() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init())
            for error in [Failure(), Ignore()] as [any Error & Sendable] {
                await #expect(throws: StartError.self) {
                    try await sessions.start(Worker.self, .init(id: "a", journal: journal, start: { throw error }))
                }
            }
            #expect(try await sessions.count() == 0)
            try await sessions.stop()
            test.assertNothingLeft()
        }
    }

    @Test("children are stopped all at once, each within its own time; one alone at request (R18)")
    func stops() async throws {
        try await withTestRuntime { test in
            let sessions = try await DynamicSupervisor.start(.init())
            @Sendable func stubborn() async throws -> Pid {
                let process = spawnLink(Int.self) { mailbox in
                    mailbox.trapsExits = true
                    while true { _ = try await mailbox.receiveInfo() }
                }
                try await eventually { _Tie.traps(process.pid.raw) }
                return process.pid
            }
            for seconds in 1...5 {
                try await sessions.startChild(
                    ChildSpec(id: "s", shutdown: .after(.seconds(seconds))) { try await stubborn() })
            }
            let children = try await sessions.children()
            #expect(try await sessions.stopChild(children[0]))
            #expect(try await !sessions.stopChild(children[0]))
            let began = test.clock.now
            try await sessions.stop()
            let took = test.clock.now - began
            #expect(took >= .seconds(5) && took < .milliseconds(5_500), "\(took)")
            test.assertNothingLeft()
        }
    }

    @Test("ten thousand children crash at once: the intensity is exact, and nothing is left (R19)")
    func storm() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init(maxRestarts: 5_000))
            var workers: [Worker.Ref] = []
            for _ in 0..<10_000 {
                workers.append(try await sessions.start(Worker.self, .init(id: "w", journal: journal)))
            }
            for worker in workers.prefix(5_000) { worker.cast(.fail) }
            try await eventually(within: .seconds(60)) { journal.all.count == 15_000 }
            #expect(sessions.pid.isAlive)
            workers.last?.cast(.fail)
            _ = try await sessions.pid.waitForExit()
            #expect(journal.all.filter { $0 == "+w" }.count == 15_000)
            test.assertNothingLeft()
        }
    }

    @Test("a supervisor that is stopped while starts are under way leaves none of them")
    func stopsMidStart() async throws {
        try await explore(seeds: 0..<300) { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init())
            for index in 0..<5 {
                Task {
                    _ = try? await sessions.start(Worker.self, .init(id: "\(index)", journal: journal))
                }
            }
            await Task.yield()
            if test.seed % 2 == 0 { try await sessions.stop() } else { sessions.pid.kill() }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
