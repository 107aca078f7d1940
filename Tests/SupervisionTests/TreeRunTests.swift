// SPDX-License-Identifier: Apache-2.0
// What a program and a service share: when a tree's end counts as one in order.

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Tree run")
struct TreeRunTests {
    private static func run(
        in test: TestRuntime, autoShutdown: Supervisor.AutoShutdown = .never, endsProgram: Bool = false,
        @ChildBuilder _ children: @escaping @Sendable () -> [ChildSpec]
    ) -> TreeRun<StartError> {
        TreeRun(deadline: .seconds(3), on: test.runtime) { end async throws(StartError) in
            var argument = Supervisor.Argument(autoShutdown: autoShutdown, children: children)
            (argument.endsProgram, argument.end) = (endsProgram, end)
            return try await Supervisor.start(argument)
        }
    }

    @Test("a second stop that finds the tree ended in order kills nothing, and is no failure (S46)")
    func lateStop() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let run = Self.run(in: test) { Worker.child("a", journal) }
            try await eventually { journal.all == ["+a"] }
            await test.clock.runUntilIdle()
            run.stop()
            try await eventually { test.runtime.processes().isEmpty }
            run.kill()
            guard case .success(.shutdown) = await run.end() else { Issue.record("not in order"); return }
            #expect(journal.all == ["+a", "-a"])
            test.assertNothingLeft()
        }
    }

    @Test("a program that is told a second time just when its tree has ended in order does not fail (S46)")
    func lateSignal() async throws {
        try await explore(seeds: 0..<200) { test in
            let journal = Journal()
            let program = OneWorker(journal: journal)
            let (signals, sender) = AsyncStream<Int32>.makeStream()
            let running = Task { try await program.run(on: test.runtime, told: signals) }
            let tree = try await SupervisorTests.process("a").status?.ancestors.first
            await test.clock.runUntilIdle()
            let watcher = spawn(Int.self) { mailbox in
                _ = tree?.monitor()
                _ = try await mailbox.receiveInfo()
                sender.yield(2)
            }
            await test.clock.runUntilIdle()
            sender.yield(15)
            try await running.value
            _ = await watcher.pid.waitForExitUncancelled()
            #expect(journal.all == ["+a", "-a"])
            test.assertNothingLeft()
        }
    }

    @Test("a deadline that killed any of the tree is no end in order, though the supervisor's own may be (S46)")
    func killedBelow() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let run = Self.run(in: test) { .stubborn(journal) }
            try await eventually { journal.all == ["+stubborn"] }
            await test.clock.runUntilIdle()
            run.stop()
            guard case .success(.killed) = await run.end() else { Issue.record("told to be in order"); return }
            test.assertNothingLeft()
        }
    }

    @Test("a tree that ends before anybody looks is known to have ended in order, to have given up, or to be killed")
    func endsUnseen() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            func end(_ run: TreeRun<StartError>, by cast: Worker.Cast?, times: Int = 1) async throws -> String {
                for lives in 1...times {
                    try await eventually { journal.all.filter { $0 == "+a" }.count == lives }
                    await test.clock.runUntilIdle()
                    let worker = try await SupervisorTests.process("a")
                    let tree = try #require(worker.status?.ancestors.first)
                    if let cast { Worker.named("a").cast(cast) } else { tree.kill() }
                    await test.clock.runUntilIdle()
                    await worker.waitForExitUncancelled()
                }
                try await eventually { test.runtime.processes().isEmpty }
                _ = journal.take()
                switch await run.end() {
                case .success(let reason): return "\(reason)"
                case .failure(let error): return "\(error)"
                }
            }
            let done = Self.run(in: test, autoShutdown: .anySignificant) {
                Worker.child("a", journal, restart: .transient).with { $0.isSignificant = true }
            }
            #expect(try await end(done, by: .finish) == "shutdown")
            let failing = Self.run(in: test, endsProgram: true) { Worker.child("a", journal) }
            let text = try await end(failing, by: .fail, times: 4)
            #expect(text.contains("RestartsExceeded"), "\(text)")
            #expect(try await end(Self.run(in: test) { Worker.child("a", journal) }, by: nil) == "killed")
            test.assertNothingLeft()
        }
    }

    @Test("a cancelled wait stops the tree in order, and ends with it")
    func cancelled() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let run = Self.run(in: test) { Worker.child("a", journal) }
            let waiting = Task { await run.end() }
            try await eventually { journal.all == ["+a"] }
            await test.clock.runUntilIdle()
            waiting.cancel()
            guard case .success(.shutdown) = await waiting.value else { Issue.record("not in order"); return }
            #expect(journal.all == ["+a", "-a"])
            test.assertNothingLeft()
        }
    }

    @Test("a report without anybody stuck is of an end in order: who else was killed is named")
    func nobodyInTheWay() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let outsider = spawn(Int.self) { mailbox in
                mailbox.trapsExits = true
                while true { _ = try await mailbox.receiveInfo() }
            }
            try await eventually { _Tie.traps(outsider.pid.raw) }
            // The supervisor waits for one that is not of its tree: all that are only wait for their turn.
            let tree = try await Supervisor.start {
                Worker.child("a", journal)
                ChildSpec(id: "outsider", shutdown: .infinity) { outsider.pid }
            }
            let report = await tree.shutDown(deadline: .seconds(2))
            #expect(report.stuck.map(\.type).sorted() == ["Supervisor", "Worker"])
            outsider.pid.kill()
            _ = await outsider.pid.waitForExitUncancelled()
            test.assertNothingLeft()
        }
    }
}

private struct OneWorker: Application {
    var journal = Journal()
    var children: [ChildSpec] { Worker.child("a", journal) }
}
