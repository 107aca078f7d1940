// SPDX-License-Identifier: Apache-2.0
// Administration of a running supervisor, and what it refuses.

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Supervisor requests")
struct SupervisorRequestTests {
    @Test("children are added, stopped, restarted and deleted at run time (R18)")
    func administration() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(.oneForOne, name: "tree") { Worker.child("a", journal) }
            let name: Supervisor.Name = "tree"
            let pid = try await name.startChild(Worker.child("b", journal))
            #expect(Worker.named("b").ref?.pid == pid)
            try await tree.stopChild("a")
            #expect(journal.take() == ["+a", "+b", "-a"])
            #expect(try await SupervisorTests.states(tree) == ["a stopped", "b runs"])
            #expect(try await tree.counts().specs == 2)
            try await tree.restartChild("a")
            try await tree.stopChild("a")
            try await tree.deleteChild("a")
            #expect(try await SupervisorTests.states(tree) == ["b runs"])
            try await tree.startChild(Worker.child("a", journal))
            #expect(try await SupervisorTests.states(tree) == ["b runs", "a runs"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("unknown, running and duplicate ids are refused, and name themselves")
    func refusals() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start { Worker.child("a", journal) }
            func word(_ body: () async throws -> Void) async -> String {
                do { try await body() } catch { return "\(error)" }
                return "done"
            }
            #expect(await word { try await tree.stopChild("x") } == "no child x")
            #expect(await word { try await tree.restartChild("x") } == "no child x")
            #expect(await word { try await tree.deleteChild("x") } == "no child x")
            #expect(await word { try await tree.restartChild("a") } == "child a runs")
            #expect(await word { try await tree.deleteChild("a") } == "child a runs")
            #expect(await word { try await tree.startChild(Worker.child("a", journal)) } == "duplicate child a")
            try await tree.stopChild("a")
            #expect(await word { try await tree.stopChild("a") } == "done")
            try await tree.stop()
            #expect(await word { _ = try await tree.stopChild("a") }.hasPrefix("supervisor not reached"))
            test.assertNothingLeft()
        }
    }

    @Test("a child that is added and fails to start leaves no trace; restartChild leaves it stopped")
    func failedAdditions() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let fails = _Locked(true)
            let tree = try await Supervisor.start {}
            let spec = Worker.child("a", journal) { if fails.withLock({ $0 }) { throw Failure() } }
            await #expect(throws: StartError.self) { try await tree.startChild(spec) }
            #expect(try await tree.counts().specs == 0)
            fails.withLock { $0 = false }
            try await tree.startChild(spec)
            try await tree.stopChild("a")
            fails.withLock { $0 = true }
            await #expect(throws: SupervisorError.self) { try await tree.restartChild("a") }
            #expect(try await SupervisorTests.states(tree) == ["a stopped"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a list with one id twice, and significant children that make no sense, fail the start")
    func badLists() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            func failure(_ autoShutdown: Supervisor.AutoShutdown, _ children: @escaping @Sendable () -> [ChildSpec])
                async -> String
            {
                do { _ = try await Supervisor.start(autoShutdown: autoShutdown, children) } catch { return "\(error)" }
                return "started"
            }
            #expect(
                await failure(.never) { [Worker.child("a", journal), Worker.child("a", journal)] }
                    == "child a: duplicate child a")
            let significant = Worker.child("a", journal).with { $0.isSignificant = true }
            #expect(
                await failure(.anySignificant) { [significant] }
                    == "child a: failed (child a: expected a significant child to be transient or temporary, got permanent)"
            )
            let transient = significant.with { $0.restart = .transient }
            #expect(
                await failure(.never) { [transient] }.hasSuffix(
                    "expected a supervisor that shuts down with significant children, got .never)"))
            #expect(await failure(.anySignificant) { [transient] } == "started")
            await test.clock.runUntilIdle()
        }
    }

    @Test("a supervisor is not its own child")
    func ownChild() async throws {
        try await withTestRuntime { test in
            let tree = try await Supervisor.start {}
            let spec = ChildSpec(id: "self") { tree.pid }
            await #expect(throws: StartError.self) { try await tree.startChild(spec) }
            #expect(try await tree.counts().specs == 0)
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test(
        "a child may ask its supervisor for another one in its init; the start itself may not: it is the supervisor's")
    func childAsksSupervisor() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(name: "tree") {}
            try await tree.startChild(Asking.child(journal))
            #expect(try await SupervisorTests.states(tree) == ["Asking runs", "inner runs"])
            let error = await #expect(throws: StartError.self) {
                try await tree.startChild(ChildSpec(id: "self") { try await tree.startChild(Asking.child(journal)) })
            }
            guard case .failed(let cause)? = error, let cause = cause as? CallError, case .callingSelf = cause.reason
            else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a child that calls its supervisor in its last words is told at once that both would wait")
    func lastWordsAsk() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(name: "tree") { Clinging.child(journal) }
            let began = test.clock.now
            try await tree.stop()
            #expect(journal.all.count == 1 && journal.all[0].hasPrefix("cycle"), "\(journal.all)")
            #expect(test.clock.now - began < .seconds(1))
            test.assertNothingLeft()
        }
    }
}

/// Asks for a sibling in its `init`.
private struct Asking: AsyncGenServer {
    init(_ journal: Journal) async throws {
        let tree: Supervisor.Name = "tree"
        try await tree.startChild(Worker.child("inner", journal))
    }
}

/// Asks its supervisor in its last words.
private struct Clinging: AsyncGenServer, ~Copyable {
    let journal: Journal
    init(_ journal: Journal) async { self.journal = journal }
    mutating func terminate(_ reason: ExitReason) async {
        let tree: Supervisor.Name = "tree"
        do { _ = try await tree.counts() } catch { journal.note("\(error.reason)") }
    }
}
