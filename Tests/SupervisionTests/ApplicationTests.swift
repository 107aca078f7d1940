// SPDX-License-Identifier: Apache-2.0
// A program's life: start, signals, deadline, end. What a whole runtime's shutdown does to a tree.

import MartletTestKit
import Testing

@testable import Martlet

/// A program whose parts a test sets.
private struct Program: Application {
    struct Parts: Sendable {
        let journal: Journal
        var children: @Sendable () -> [ChildSpec] = { [] }
        var willStart: @Sendable () async throws -> Void = {}
    }

    @TaskLocal static var parts: Parts?

    private let parts: Parts

    init() { self.init(Program.parts ?? Parts(journal: Journal())) }
    init(_ parts: Parts) { self.parts = parts }

    var children: [ChildSpec] { parts.children() }
    var budget: RestartBudget { RestartBudget(maxRestarts: 1) }
    var stopDeadline: Duration { .seconds(3) }

    func willStart() async throws {
        parts.journal.note("will start")
        try await parts.willStart()
    }

    func didStop() async { parts.journal.note("did stop") }
}

@Suite("Application")
struct ApplicationTests {
    @Test("a signal stops the tree in reverse order, and run returns (S46)")
    func signal() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let program = Program(
                .init(
                    journal: journal,
                    children: { [Worker.child("a", journal), Worker.child("b", journal)] }))
            let (signals, sender) = AsyncStream<Int32>.makeStream()
            let running = Task { try await program.run(on: test.runtime, told: signals) }
            try await eventually { journal.all.count == 3 }
            await test.clock.runUntilIdle()
            sender.yield(15)
            try await running.value
            #expect(journal.all == ["will start", "+a", "+b", "-b", "-a", "did stop"])
            test.assertNothingLeft()
        }
    }

    @Test("who does not stop by the deadline is killed, a second signal does not wait for that", arguments: [1, 2])
    func deadline(signalCount: Int) async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let program = Program(
                .init(journal: journal, children: { [Worker.child("a", journal), .stubborn(journal)] }))
            let (signals, sender) = AsyncStream<Int32>.makeStream()
            let running = Task { try await program.run(on: test.runtime, told: signals) }
            try await eventually { journal.all.count == 3 }
            await test.clock.runUntilIdle()
            let began = test.clock.now
            sender.yield(15)
            if signalCount > 1 {
                await test.clock.advance(by: .seconds(1))
                sender.yield(15)
            }
            let error = await #expect(throws: ExitSignal.self) { try await running.value }
            guard case .killed? = error?.reason else { Issue.record("\(String(describing: error))"); return }
            let took = (test.clock.now - began) / .seconds(1)
            let least = signalCount == 1 ? 3.0 : 1.0
            #expect(took >= least && took < least + 0.5)
            #expect(journal.all.last == "did stop")
            test.assertNothingLeft()
        }
    }

    @Test(
        "a signal that comes while the tree is being started ends the start, and the program", arguments: [true, false])
    func signalAtStart(isInWillStart: Bool) async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let parts = Program.Parts(
                journal: journal,
                children: {
                    let hangs = ChildSpec(id: "hangs") {
                        journal.note("hangs")
                        try await test.clock.sleep(for: .seconds(1_000))
                        throw Failure()
                    }
                    return [Worker.child("a", journal), hangs]
                },
                willStart: {
                    guard isInWillStart else { return }
                    journal.note("hangs")
                    try await test.clock.sleep(for: .seconds(1_000))
                })
            let (signals, sender) = AsyncStream<Int32>.makeStream()
            let began = test.clock.now
            let running = Task { try await Program(parts).run(on: test.runtime, told: signals) }
            try await eventually { journal.all.last == "hangs" }
            sender.yield(15)
            try await running.value
            #expect(test.clock.now - began < .seconds(10))
            #expect(journal.all.last == (isInWillStart ? "hangs" : "did stop"))
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a tree that gives up ends the program with what was too much (R19)")
    func givesUp() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let program = Program(.init(journal: journal, children: { [Worker.child("a", journal)] }))
            let (signals, _) = AsyncStream<Int32>.makeStream()
            let running = Task { try await program.run(on: test.runtime, told: signals) }
            let first = try await SupervisorTests.process("a")
            Worker.named("a").cast(.fail)
            _ = try await SupervisorTests.process("a", otherThan: first)
            Worker.named("a").cast(.fail)
            let error = await #expect(throws: ExitSignal.self) { try await running.value }
            guard case .error(let cause)? = error?.reason, let cause = cause as? RestartsExceeded else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause.description == "child a: expected at most 1 restarts within 5.0 seconds, got one more")
            test.assertNothingLeft()
        }
    }

    @Test("what willStart throws, and a child that does not start, end the program before it began")
    func doesNotStart() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let (signals, _) = AsyncStream<Int32>.makeStream()
            var parts = Program.Parts(journal: journal, willStart: { throw Failure() })
            await #expect(throws: ExitSignal.self) {
                try await Program(parts).run(on: test.runtime, told: signals)
            }
            #expect(journal.take() == ["will start"])
            parts.willStart = {}
            parts.children = { [Worker.child("a", journal) { throw Failure() }] }
            let program = Program(parts)
            let error = await #expect(throws: ExitSignal.self) {
                try await program.run(on: test.runtime, told: signals)
            }
            guard case .error(let cause)? = error?.reason else { return }
            #expect("\(cause)" == "child a: failed (Failure)")
            #expect(journal.all == ["will start", "did stop"])
            test.assertNothingLeft()
        }
    }
}

@Suite("Tree shutdown")
struct TreeShutdownTests {
    @Test("one deadline for a whole tree: the leaves that were stuck are named, with what they were in")
    func report() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start {
                Worker.child("a", journal)
                Supervisor.child("below") {
                    ChildSpec.stubborn(journal)
                }
            }
            let report = await tree.shutDown(deadline: .seconds(2))
            #expect(report.stuck.map(\.label) == ["the stubborn one"])
            #expect(report.duration >= .seconds(2) && report.duration < .milliseconds(2_200))
            test.assertNothingLeft()
            #expect(await tree.shutDown().stuck.isEmpty)
        }
    }

    @Test("a tree of another runtime is stopped by the deadline as well")
    func otherRuntime() async throws {
        let (journal, runtime) = (Journal(), Runtime())
        let tree = try await Supervisor.start(
            .init { ChildSpec.stubborn(journal) }, options: StartOptions(runtime: runtime))
        let report = await tree.shutDown(deadline: .milliseconds(20))
        #expect(report.stuck.map(\.label) == ["the stubborn one"])
        #expect(runtime.processes().isEmpty)
        await runtime.shutdown()
    }

    @Test("a runtime's shutdown leaves children to their supervisor: they end in reverse order, none is restarted")
    func runtimeShutdown() async throws {
        let journal = Journal()
        let runtime = Runtime()
        let tree = try await Supervisor.start(
            .init {
                for id in ["a", "b", "c"] { Worker.child(id, journal) }
            }, options: StartOptions(runtime: runtime))
        let report = await runtime.shutdown()
        #expect(report.stuck.isEmpty && !tree.pid.isAlive)
        #expect(journal.all == ["+a", "+b", "+c", "-c", "-b", "-a"])
    }
}
