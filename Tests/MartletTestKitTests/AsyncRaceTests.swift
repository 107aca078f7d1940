// SPDX-License-Identifier: Apache-2.0
// Races of servers whose callbacks suspend, over many seeds. Each run ends with its books balanced (F8) and nothing left,
// which `explore` checks by itself.

import Martlet
import Testing

@testable import MartletTestKit

/// Asks a desk that answers later, and keeps count of its own ends.
private struct Clerk: AsyncGenServer, ~Copyable {
    enum Call { case ask(From<Int>, after: Int), count(From<Int>) }
    enum Cast { case add(Int) }

    struct Setup: Sendable {
        let desk: Desk.Ref
        let ends: Ends
    }

    private let setup: Setup
    private var count = 0

    nonisolated(nonsending) init(_ setup: Setup) async throws {
        self.setup = setup
        setup.ends.begin()
    }

    deinit { setup.ends.end() }

    nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
        switch call {
        case .ask(let from, let milliseconds):
            let answer = try await setup.desk.ask { state, from in
                state.held.append(from)
                Desk.current.sendAfter(.milliseconds(milliseconds), -1)
                return .wait
            }
            count += 1
            return from.reply(answer)
        case .count(let from):
            await Task.yield()
            return from.reply(count)
        }
    }

    nonisolated(nonsending) mutating func handleCast(_ cast: Cast) async throws -> Next {
        let before = count
        await Task.yield()
        // Nothing came between.
        guard count == before, case .add(let n) = cast else { throw Failure() }
        count += n
        return .wait
    }
}

/// How many states there were, and are; all on one thread.
private final class Ends: Sendable {
    private let counts = _Locked((begun: 0, ended: 0))
    func begin() { counts.withLock { $0.begun += 1 } }
    func end() { counts.withLock { $0.ended += 1 } }
    var alive: Int { counts.withLock { $0.begun - $0.ended } }
}

@Suite("Races of async servers", .tags(.systematic), .takesTurns)
struct AsyncRaceTests {
    private static func word(of body: () async throws(CallError) -> Int) async -> String {
        do { return "\(try await body())" } catch { return "\(error.reason)" }
    }

    private static func clerk(_ ends: Ends) async throws -> (ServerRef<Clerk>, Desk.Ref) {
        let desk = try await Desk.start()
        return (try await Clerk.start(Clerk.Setup(desk: desk, ends: ends)), desk)
    }

    @Test("call against kill: a reply or the end, the state destroyed once, everybody told (R3, R13)")
    func callAgainstKill() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let ends = Ends()
            let (clerk, _) = try await Self.clerk(ends)
            let outcomes = await withTaskGroup(of: String.self) { group in
                for number in 0..<3 {
                    group.addTask {
                        await Self.word { () async throws(CallError) in
                            try await clerk.call { .ask($0, after: number) }
                        }
                    }
                }
                group.addTask {
                    try? await test.clock.sleep(for: .milliseconds(1))
                    clerk.pid.kill()
                    return "killed"
                }
                group.addTask { "\((try? await clerk.pid.waitForExit()) ?? .normal)" }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let all: Set = ["-1", "killed", "exited: killed", "no process"]
            try #require(Set(outcomes).isSubset(of: all), "\(outcomes)")
            await test.clock.advance(by: .milliseconds(10))
            try #require(ends.alive == 0)
        }
    }

    @Test("call against its timeout: one outcome, the handler goes on, late replies are counted (R3, F9)")
    func callAgainstTimeout() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let ends = Ends()
            let (clerk, _) = try await Self.clerk(ends)
            let outcomes = await withTaskGroup(of: String.self) { group in
                for number in 1...3 {
                    group.addTask {
                        await Self.word { () async throws(CallError) in
                            try await clerk.call(timeout: .milliseconds(4)) { .ask($0, after: number) }
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            try #require(Set(outcomes).isSubset(of: ["-1", "timeout", "exited: error (CallError)", "no process"]))
            await test.clock.advance(by: .milliseconds(20))
            clerk.pid.kill()
            await test.clock.runUntilIdle()
            try #require(ends.alive == 0)
        }
    }

    @Test("stop against casts that suspend: what came before it is handled, in one piece each (R15)")
    func stopAgainstCasts() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let ends = Ends()
            let (clerk, _) = try await Self.clerk(ends)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        for _ in 0..<4 {
                            clerk.cast(.add(1))
                            await Task.yield()
                        }
                    }
                }
                group.addTask { try? await clerk.stop() }
            }
            try #require(ends.alive == 0)
            try #require(test.crashes.isEmpty)
        }
    }

    @Test("a start against its cancellation and a kill: no state is left, the name is free (R1)")
    func startAgainstCancel() async throws {
        let name: ServerName<Clerk> = "async races"
        try await explore(seeds: 0..<10_000) { test in
            let ends = Ends()
            let desk = try await Desk.start()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { _ = try? await Clerk.start(Clerk.Setup(desk: desk, ends: ends), name: name) }
                }
                group.addTask { name.ref?.pid.kill() }
                await Task.yield()
                group.cancelAll()
            }
            name.ref?.pid.kill()
            await test.clock.runUntilIdle()
            try #require(name.ref == nil && ends.alive == 0)
        }
    }

    @Test(
        "servers that are killed, throw and are slow while they call each other: every call ends, every book balances")
    func faultsEverywhere() async throws {
        let faults =
            FaultPlan.killing(everyMessages: 7) + .delaying(everyMessages: 5, upTo: .seconds(6))
            + .throwing(atMessage: 11)
        try await explore(seeds: 0..<500, faults: faults) { test in
            let ends = Ends()
            var clerks: [ServerRef<Clerk>] = []
            for _ in 0..<3 { clerks.append(try await Self.clerk(ends).0) }
            let all = clerks
            await withTaskGroup(of: Void.self) { group in
                for clerk in all {
                    group.addTask {
                        for number in 0..<4 {
                            clerk.cast(.add(number))
                            _ = try? await clerk.call { .ask($0, after: number) }
                            _ = try? await clerk.call { .count($0) }
                        }
                    }
                }
            }
            for clerk in all { clerk.pid.kill() }
            await test.clock.runUntilIdle()
            try #require(ends.alive == 0)
        }
    }

    @Test("the same seed has the same trace, with callbacks that suspend, 200 of 200 (F27)")
    func deterministic() async throws {
        func run(_ test: TestRuntime) async throws -> UInt64 {
            let (clerk, _) = try await Self.clerk(Ends())
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        clerk.cast(.add(number))
                        _ = try? await clerk.call(timeout: .milliseconds(2)) { .ask($0, after: number) }
                    }
                }
                group.addTask {
                    try? await test.clock.sleep(for: .milliseconds(3))
                    clerk.pid.kill()
                }
            }
            return test.trace
        }
        let first = try await withTestRuntime(seed: 42, run)
        for _ in 0..<200 { #expect(try await withTestRuntime(seed: 42, run) == first) }
    }
}
