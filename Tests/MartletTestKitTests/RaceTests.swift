// SPDX-License-Identifier: Apache-2.0
// Races of calls, stops, kills and deadlines over many seeds. Each run ends with its books balanced (F8) and nothing
// left, which `explore` checks by itself.

import Martlet
import MartletTestKit
import Testing

@Suite("Races of calls and ends", .tags(.systematic), .takesTurns)
struct RaceTests {
    /// How a call went, as a word.
    private static func word(of body: () async throws(CallError) -> Int) async -> String {
        do { return "\(try await body())" } catch { return "\(error.reason)" }
    }

    @Test("call against stop: a reply, or the reason of the end, and never both")
    func callAgainstStop() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let counter = try await Counter.start(0)
            let replies = await withTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        await Self.word { () async throws(CallError) in
                            try await counter.call { .increment(by: 1, $0) }
                        }
                    }
                }
                group.addTask {
                    try? await counter.stop()
                    return "stopped"
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let answered = replies.compactMap { Int($0) }
            try #require(answered.sorted() == Array((1...4).prefix(answered.count)))
            let others = Set(replies.filter { Int($0) == nil })
            try #require(others.isSubset(of: ["stopped", "exited: normal", "no process"]), "\(others)")
            test.assertNothingLeft()
        }
    }

    @Test("call against its timeout against a late reply: one outcome, and every late reply is counted (F9)")
    func callAgainstTimeout() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            let outcomes = await withTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        await Self.word { () async throws(CallError) in
                            try await desk.ask(timeout: .milliseconds(5)) { state, from in
                                state.held.append(from)
                                Desk.current.sendAfter(.milliseconds(5), -1)
                                return .wait
                            }
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            await test.clock.advance(by: .milliseconds(10))
            try #require(outcomes.allSatisfy { $0 == "-1" || $0 == "timeout" }, "\(outcomes)")
            let counts = test.runtime.deadLetterCounts
            let timeouts = outcomes.count { $0 == "timeout" }
            try #require(timeouts == Int((counts[.lateReply] ?? 0) + (counts[.expired] ?? 0)))
            try await desk.stop()
            test.assertNothingLeft()
        }
    }

    @Test("the deadline and the reply of one instant: both orders happen")
    func bothOrders() async throws {
        var outcomes: Set<String> = []
        for seed in 0..<100 {
            outcomes.insert(
                try await withTestRuntime(seed: UInt64(seed)) { _ in
                    let desk = try await Desk.start()
                    return await Self.word { () async throws(CallError) in
                        try await desk.ask(timeout: .milliseconds(5)) { state, from in
                            state.held.append(from)
                            Desk.current.sendAfter(.milliseconds(5), -1)
                            return .wait
                        }
                    }
                })
        }
        #expect(outcomes == ["-1", "timeout"])
    }

    @Test("a cancelled call against its reply: one of the two")
    func cancelledCall() async throws {
        try await explore(seeds: 0..<10_000) { _ in
            let desk = try await Desk.start()
            let call = Task {
                await Self.word { () async throws(CallError) in
                    try await desk.ask { state, from in
                        state.held.append(from)
                        Desk.current.send(-1)
                        return .wait
                    }
                }
            }
            let cancel = Task { call.cancel() }
            let outcome = await call.value
            await cancel.value
            try #require(outcome == "-1" || outcome == "cancelled", "\(outcome)")
        }
    }

    @Test("two stops: each hears of the end, with the reason of the first or its own")
    func twoStops() async throws {
        try await explore(seeds: 0..<1_000) { test in
            let counter = try await Counter.start(0)
            let probe = Probe(Never.self)
            probe.watch(counter.pid)
            async let one: Void = counter.stop(.shutdown)
            async let two: Void = counter.stop(.normal)
            var failures = 0
            do { try await one } catch { failures += 1 }
            do { try await two } catch { failures += 1 }
            try #require(failures == 1)
            switch try await probe.expectDown(of: counter.pid) {
            case .normal, .shutdown: break
            case let reason: throw Unexpected(reason: reason)
            }
            test.assertNothingLeft()
        }
    }

    @Test("kill against casts: what was queued is accounted for, later ones find no process")
    func killAgainstCasts() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        for number in 0..<4 {
                            desk.cast(.note(number))
                            await Task.yield()
                        }
                    }
                }
                group.addTask { desk.pid.kill() }
            }
            _ = try await desk.pid.waitForExit()
            try #require(desk.cast(.note(9)) == .noProcess)
            test.assertNothingLeft()
            let statistics = test.runtime.statistics
            try #require(statistics.sent == 13 && statistics.refused >= 1)
        }
    }

    @Test("every watcher hears once, with the same reason, however it ends")
    func watchers() async throws {
        try await explore(seeds: 0..<300) { test in
            let desk = try await Desk.start()
            let reasons = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<4 { group.addTask { "\(try await desk.pid.waitForExit())" } }
                group.addTask {
                    desk.cast(.tell { _ in throw Failure() })
                    return ""
                }
                group.addTask {
                    desk.pid.kill()
                    return ""
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            // Who asks after the end is told that there is no process.
            let heard = reasons.subtracting(["", "no process"])
            try #require(heard.count <= 1 && heard.isSubset(of: ["killed", "error (Failure)"]), "\(reasons)")
            test.assertNothingLeft()
        }
    }

    @Test("messages of one sender keep their order, casts, infos and calls alike (F7)")
    func order() async throws {
        try await explore(seeds: 0..<200) { _ in
            let desk = try await Desk.start()
            await withTaskGroup(of: Void.self) { group in
                for sender in 0..<3 {
                    group.addTask {
                        for number in 0..<6 {
                            if number % 2 == 0 {
                                desk.cast(.note(sender * 10 + number))
                            } else {
                                desk.send(sender * 10 + number)
                            }
                            if number == 3 { await Task.yield() }
                        }
                    }
                }
            }
            let seen = try await desk.call { .seen($0) }
            try #require(seen.count == 18)
            for sender in 0..<3 { try #require(seen.filter { $0 / 10 == sender } == (0..<6).map { sender * 10 + $0 }) }
        }
    }
}

/// A reason that must not be.
struct Unexpected: Error {
    let reason: ExitReason
}
