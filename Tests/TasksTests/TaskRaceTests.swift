// SPDX-License-Identifier: Apache-2.0
// Races of tasks over many seeds. Each run ends with its books balanced (F8) and nothing left.

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Races of tasks", .tags(.systematic), .serialized)
struct TaskRaceTests {
    /// Runs a race once a seed; after it no value is alive and nothing is left.
    private static func race(
        seeds: Range<UInt64>, _ body: @escaping (TestRuntime, Lives, inout SeededGenerator) async throws -> Void
    ) async throws {
        try await explore(seeds: seeds) { test in
            var random = test.random
            let lives = Lives()
            try await body(test, lives, &random)
            await test.clock.advance(by: .milliseconds(10))
            try #require(lives.alive == 0)
            test.assertNothingLeft()
        }
    }

    /// Work that takes so many milliseconds.
    private static func work(
        _ test: TestRuntime, _ milliseconds: Int, _ lives: Lives
    ) -> @Sendable () async throws -> Tracked {
        { [clock = test.clock] in
            try await clock.sleep(for: .milliseconds(milliseconds))
            return Tracked(milliseconds, lives)
        }
    }

    private static func number(_ body: () async throws -> Tracked?) async -> String {
        await word { try await body().map { _ in "value" } }
    }

    @Test("value against kill: the value or the end, and nothing is left (R13)")
    func valueAgainstKill() async throws {
        try await Self.race(seeds: 0..<3_000) { test, lives, random in
            let task = Tasks.async(Self.work(test, Int.random(in: 0..<3, using: &random), lives))
            let killAfter = Int.random(in: 0..<3, using: &random)
            let words = await withTaskGroup(of: String.self) { group in
                group.addTask { await Self.number { try await task.value() } }
                group.addTask {
                    try? await test.clock.sleep(for: .milliseconds(killAfter))
                    task.pid.kill()
                    return "killed"
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            try #require(Set(words).isSubset(of: ["value", "killed", "exited: killed"]), "\(words)")
        }
    }

    @Test("value against timeout and cancellation: one outcome, a late value is destroyed (R4)")
    func valueAgainstTimeout() async throws {
        try await Self.race(seeds: 0..<3_000) { test, lives, random in
            let task = Tasks.async(Self.work(test, Int.random(in: 0..<4, using: &random), lives))
            let limit = Duration.milliseconds(Int.random(in: 0..<4, using: &random))
            let cancels = Bool.random(using: &random)
            let yields = Bool.random(using: &random)
            let words = await withTaskGroup(of: String.self) { group in
                group.addTask {
                    await Self.number {
                        yields ? try await task.yield(timeout: limit) : try await task.value(timeout: limit)
                    }
                }
                if cancels {
                    try? await test.clock.sleep(for: .milliseconds(1))
                    group.cancelAll()
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let word = words[0]
            try #require(["value", "timeout", "cancelled", "nothing"].contains(word), "\(word)")
            if yields, word != "value" {
                // Nothing was given up.
                try #require(await Self.number { try await task.value() } == "value")
            }
        }
    }

    @Test("shutdown against completion and a crash: the value if it was done, else nothing or the reason")
    func shutdownAgainstCompletion() async throws {
        try await Self.race(seeds: 0..<3_000) { test, lives, random in
            let (delay, wait) = (Int.random(in: 0..<3, using: &random), Int.random(in: 0..<3, using: &random))
            let fails = Bool.random(using: &random)
            let how: ChildSpec.Shutdown = Bool.random(using: &random) ? .after(.seconds(1)) : .brutalKill
            let outcome = Probe<String>()
            // In a process that does not trap exits: its link must not end it.
            let owner = spawn(Never.self) { _ in
                let work = Self.work(test, delay, lives)
                let workers = try await TaskSupervisor.start(.init())
                let task =
                    fails
                    ? try workers.async(linked: false) { () -> Tracked in
                        _ = try await work()
                        throw Failure()
                    } : Tasks.async(work)
                try await test.clock.sleep(for: .milliseconds(wait))
                outcome.ref.send(await Self.number { try await task.shutdown(how) })
                try await workers.stop()
            }
            let word = try await outcome.expect()
            try #require(["value", "nothing", "exited: error (Failure)"].contains(word), "\(word)")
            try #require(fails ? word != "value" : word != "exited: error (Failure)")
            _ = try await owner.pid.waitForExit()
        }
    }

    @Test("the owner's death against completion: the value is destroyed, a linked task ends (R14)")
    func ownerAgainstCompletion() async throws {
        try await Self.race(seeds: 0..<3_000) { test, lives, random in
            let owner = try await Owner.start()
            let (delay, wait) = (Int.random(in: 0..<3, using: &random), Int.random(in: 0..<3, using: &random))
            let kind = Int.random(in: 0..<3, using: &random)
            let workers = try await TaskSupervisor.start(.init())
            owner.cast(
                .tell { _ in
                    let work = Self.work(test, delay, lives)
                    switch kind {
                    case 0: _ = Tasks.async(work)
                    case 1: _ = try workers.async(work)
                    default: _ = try workers.async(linked: false, work)
                    }
                })
            try await test.clock.sleep(for: .milliseconds(wait))
            if Bool.random(using: &random) { owner.pid.kill() } else { owner.cast(.tell { _ in throw Failure() }) }
            _ = try await owner.pid.waitForExit()
            await test.clock.advance(by: .milliseconds(10))
            // Before their supervisor could end them.
            try #require(lives.alive == 0)
            try await workers.stop()
        }
    }

    @Test("a stream left early, cancelled or read to its end leaves no process and no value")
    func stream() async throws {
        try await Self.race(seeds: 0..<2_000) { test, lives, random in
            let delays = (0..<8).map { _ in Int.random(in: 0..<4, using: &random) }
            let leaves = Int.random(in: 0..<10, using: &random)
            let ordered = Bool.random(using: &random)
            let cancels = Bool.random(using: &random)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    var count = 0
                    let stream = Tasks.stream(delays, concurrency: 3, ordered: ordered, timeout: .milliseconds(3)) {
                        try await Self.work(test, $0, lives)()
                    }
                    for await _ in stream {
                        count += 1
                        if count == leaves { break }
                    }
                }
                if cancels {
                    try? await test.clock.sleep(for: .milliseconds(2))
                    group.cancelAll()
                }
            }
        }
    }

    @Test("starts, ends and the supervisor's end against each other: every child is known, and none is left (R18)")
    func supervisor() async throws {
        try await Self.race(seeds: 0..<2_000) { test, lives, random in
            let workers = try await TaskSupervisor.start(.init(maxChildren: 4))
            let delays = (0..<6).map { _ in Int.random(in: 0..<3, using: &random) }
            let kills = Bool.random(using: &random)
            await withTaskGroup(of: Void.self) { group in
                for delay in delays {
                    group.addTask {
                        guard let task = try? workers.async(Self.work(test, delay, lives)) else { return }
                        _ = try? await task.value()
                    }
                }
                group.addTask {
                    try? await test.clock.sleep(for: .milliseconds(1))
                    if kills { workers.pid.kill() } else { try? await workers.stop() }
                }
            }
        }
    }
}
