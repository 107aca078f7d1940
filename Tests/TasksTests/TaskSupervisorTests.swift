// SPDX-License-Identifier: Apache-2.0
// Tasks under a supervisor (S45, R18, R19).

import MartletTestKit
import Testing

@testable import Martlet

@Suite("TaskSupervisor")
struct TaskSupervisorTests {
    @Test("its tasks run under it, give their values to their owners and end with it")
    func life() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(), name: "workers")
            let quick = try workers.async { 1 }
            #expect(try await quick.value() == 1)
            await test.clock.runUntilIdle()
            #expect(workers.count() == 0)
            let long = try workers.async(linked: false) { [clock = test.clock] in
                try await clock.sleep(for: .seconds(99))
            }
            #expect(workers.children() == [long.pid])
            #expect(long.pid.status?.ancestors.first == workers.pid)
            try await workers.stop()
            #expect(!long.pid.isAlive)
            #expect(await word { try await long.value() } == "exited: shutdown")
            #expect(throws: StartError.self) { try workers.async { 1 } }
            await test.settle()
        }
    }

    @Test("a crash of an unlinked task spares its owner, a linked one takes it along; the supervisor stays (R14)")
    func crashes() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init())
            let owner = try await Owner.start()
            let answer = try await owner.run { _ in
                let task = try workers.async(linked: false) { throw Failure() }
                do throws(TaskError) { try task.value() } catch { return "\(error)" }
                return "no error"
            }
            #expect(answer.contains("Failure"))
            owner.cast(.tell { _ in _ = try workers.async { throw Failure() } })
            guard case .error(is Failure) = try await owner.pid.waitForExit() else { Issue.record("spared"); return }
            #expect(workers.pid.isAlive)
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("a linked task ends with its owner, an unlinked one goes on")
    func ownerEnds() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init())
            let owner = try await Owner.start()
            owner.cast(
                .tell { [clock = test.clock] _ in
                    for linked in [true, false] {
                        _ = try workers.async(linked: linked) { try await clock.sleep(for: .seconds(99)) }
                    }
                    throw Failure()
                })
            _ = try await owner.pid.waitForExit()
            await test.clock.runUntilIdle()
            #expect(workers.count() == 1)
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("as many tasks as allowed, and no more; the limit can be changed")
    func limit() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(maxChildren: 2))
            let sleep: @Sendable () async throws -> Void = { [clock = test.clock] in
                try await clock.sleep(for: .seconds(1))
            }
            for _ in 0..<2 { try workers.start(sleep) }
            let error = #expect(throws: StartError.self) { try workers.start(sleep) }
            guard case .maxChildren? = error else { Issue.record("\(String(describing: error))"); return }
            try await workers.setMaxChildren(3)
            try workers.start(sleep)
            await test.clock.advance(by: .seconds(2))
            #expect(workers.count() == 0)
            try workers.start(sleep)
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("transient tasks run again after a crash, permanent ones always, within the budget (R19)")
    func restarts() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(budget: RestartBudget(maxRestarts: 4)))
            let runs = Runs()
            try workers.start(restart: .transient) {
                if runs.next() < 3 { throw Failure() }
            }
            await test.clock.runUntilIdle()
            #expect(runs.count == 3 && workers.count() == 0)
            try workers.start(restart: .permanent) { runs.next() }
            _ = try await workers.pid.waitForExit()
            // Two restarts were left.
            #expect(runs.count == 6)
            await test.settle()
        }
    }

    @Test("a task that is run again keeps its place, whatever the limit is by then")
    func restartAtLimit() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(maxChildren: 2))
            let sleep: @Sendable () async throws -> Void = { [clock = test.clock] in
                try await clock.sleep(for: .seconds(99))
            }
            let first = try workers.start(restart: .permanent, sleep)
            let second = try workers.start(restart: .permanent, sleep)
            try await workers.setMaxChildren(0)
            first.kill()
            await test.clock.runUntilIdle()
            #expect(workers.pid.isAlive && second.isAlive && workers.count() == 2)
            #expect(!workers.children().contains(first))
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("a task that is run again leaves nothing of the run before", .tags(.leak))
    func restartLeaksNothing() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(budget: RestartBudget(maxRestarts: 1_000)))
            let (runs, lives) = (Runs(), Lives())
            try workers.start(restart: .permanent) { [clock = test.clock] in
                if runs.next() > 100 { try await clock.sleep(for: .seconds(99)) }
                throw ExitSignal(.shutdownWith(Gone(lives)))
            }
            await test.clock.runUntilIdle()
            #expect(runs.count == 101 && lives.alive == 0)
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("one task can be stopped, for good")
    func stopOne() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init())
            let pid = try workers.start(restart: .permanent) { [clock = test.clock] in
                try await clock.sleep(for: .seconds(99))
            }
            #expect(await workers.stopChild(pid))
            #expect(await !workers.stopChild(pid))
            #expect(!pid.isAlive && workers.count() == 0)
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("a stream under it; items that find no room are failures")
    func stream() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(maxChildren: 2))
            let stream = workers.stream(0..<3, concurrency: 3) { [clock = test.clock] n in
                try await clock.sleep(for: .milliseconds(1))
                return n
            }
            #expect(await words(of: stream) == ["0", "1", "exited: error (StartError)"])
            try await workers.stop()
            await test.settle()
        }
    }

    @Test("a killed supervisor takes its tasks along, and starts fail")
    func killed() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init())
            let task = try workers.async(linked: false) { [clock = test.clock] in
                try await clock.sleep(for: .seconds(99))
            }
            workers.pid.kill()
            #expect(await word { try await task.value() } == "exited: killed")
            await test.clock.runUntilIdle()
            #expect(throws: StartError.self) { try workers.async { 1 } }
            await test.settle()
        }
    }
}

/// Counts runs.
private final class Runs: Sendable {
    private let runs = _Locked(0)
    @discardableResult
    func next() -> Int {
        runs.withLock {
            $0 += 1
            return $0
        }
    }
    var count: Int { runs.withLock { $0 } }
}

/// An error whose end is seen.
private struct Gone: Error {
    let value: Tracked
    init(_ lives: Lives) { value = Tracked(0, lives) }
}
