// SPDX-License-Identifier: Apache-2.0
// Races of a state machine with its callers and its clock, over ten thousand seeds each.

import Martlet
import MartletTestKit
import Testing

/// Answers in `open` alone; what comes before waits.
private struct Gatehouse: StateMachine {
    enum State { case closed, open }
    enum Call { case pass(From<Int>) }
    enum Cast { case open, close, end, fail }
    struct Setup: Sendable {
        let seen: Sightings
        var stateTimeout: Duration?
    }

    private var passed = 0
    private let setup: Setup
    var initialState: State { .closed }
    init(_ setup: Setup) { self.setup = setup }

    mutating func handle(_ event: Event, in state: State) throws -> Transition {
        switch (event, state) {
        case (.call(.pass), .closed): return .postpone
        case (.call(.pass(let from)), .open):
            passed += 1
            return from.reply(passed, then: .keep)
        case (.cast(.open), _): return .next(.open)
        case (.cast(.close), _): return .next(.closed)
        case (.cast(.end), _): return .stop()
        case (.cast(.fail), _): throw Failure()
        case (.stateTimeout, _):
            setup.seen.add("timeout in \(state)")
            return .keep
        case (.info, _), (.eventTimeout, _): return .keep
        }
    }

    func enter(_ state: State, from old: State?) -> [Action] {
        setup.seen.add("\(state)")
        return state == .open ? [.stateTimeout(setup.stateTimeout)] : []
    }
}

private final class Sightings: Sendable {
    private let lines = _Locked<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

@Suite("Races of states", .tags(.systematic), .takesTurns)
struct RaceOfStatesTests {
    private static func word(_ body: () async throws(CallError) -> Int) async -> String {
        do { return "\(try await body())" } catch { return "\(error.reason)" }
    }

    @Test("a postponed call against its caller's timeout: one outcome, and a reply that is late is counted (F9)")
    func postponedAgainstTimeout() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let gatehouse = try await Gatehouse.start(.init(seen: Sightings()))
            let words = await withTaskGroup(of: String.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        await Self.word { () async throws(CallError) in
                            try await gatehouse.call(timeout: .milliseconds(2)) { .pass($0) }
                        }
                    }
                }
                group.addTask {
                    try? await test.clock.sleep(for: .milliseconds(2))
                    gatehouse.cast(.open)
                    return "opened"
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            await test.clock.advance(by: .milliseconds(5))
            let replies = words.compactMap { Int($0) }
            let timeouts = words.count { $0 == "timeout" }
            try #require(replies.count + timeouts == 3, "\(words)")
            try #require(Set(replies).count == replies.count)
            let counts = test.runtime.deadLetterCounts
            try #require(timeouts == Int((counts[.lateReply] ?? 0) + (counts[.expired] ?? 0)), "\(words) \(counts)")
            try await gatehouse.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a state timeout against the transition that ends it: heard in its state or never")
    func stateTimeoutAgainstTransition() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let seen = Sightings()
            let gatehouse = try await Gatehouse.start(.init(seen: seen, stateTimeout: .milliseconds(2)))
            gatehouse.cast(.open)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        try? await test.clock.sleep(for: .milliseconds(2))
                        gatehouse.cast(.close)
                    }
                }
            }
            await test.clock.advance(by: .milliseconds(10))
            let lines = seen.all
            try #require(
                lines == ["closed", "open", "closed"] || lines == ["closed", "open", "timeout in open", "closed"],
                "\(lines)")
            try #require(try await gatehouse.sys.machineState() == .closed)
            try await gatehouse.stop()
            test.assertNothingLeft()
        }
    }

    @Test("both orders of a state timeout and the transition of its instant happen")
    func bothOrders() async throws {
        var outcomes: Set<Int> = []
        for seed in 0..<200 {
            let seen = Sightings()
            try await withTestRuntime(seed: UInt64(seed)) { test in
                let gatehouse = try await Gatehouse.start(.init(seen: seen, stateTimeout: .milliseconds(2)))
                gatehouse.cast(.open)
                try await test.clock.sleep(for: .milliseconds(2))
                gatehouse.cast(.close)
                await test.clock.advance(by: .milliseconds(10))
                try await gatehouse.stop()
            }
            outcomes.insert(seen.all.count)
        }
        #expect(outcomes == [3, 4])
    }

    @Test("ends against postponed calls: each caller hears once, a reply or the one reason")
    func endAgainstPostponed() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let gatehouse = try await Gatehouse.start(.init(seen: Sightings()))
            let words = await withTaskGroup(of: String.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        await Self.word { () async throws(CallError) in try await gatehouse.call { .pass($0) } }
                    }
                }
                group.addTask {
                    gatehouse.cast(.open)
                    return "told"
                }
                group.addTask {
                    await Task.yield()
                    switch test.seed % 4 {
                    case 0: gatehouse.pid.kill()
                    case 1: gatehouse.cast(.fail)
                    case 2: gatehouse.cast(.end)
                    default: try? await gatehouse.stop(.shutdown)
                    }
                    return "told"
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let reason = ["exited: killed", "exited: error (Failure)", "exited: normal", "exited: shutdown"]
            let failed = words.filter { Int($0) == nil && $0 != "told" }
            let replies = words.compactMap { Int($0) }
            try #require(replies.sorted() == Array((1...3).prefix(replies.count)), "\(words)")
            try #require(
                Set(failed).isSubset(of: [reason[Int(test.seed % 4)], "no process"]), "\(words)")
            try #require(replies.count + failed.count == 3)
            _ = try await gatehouse.pid.waitForExit()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("messages around changes of state are handled once, and in the order of their sender (R5)")
    func order() async throws {
        try await explore(seeds: 0..<2_000) { test in
            let gatehouse = try await Gatehouse.start(.init(seen: Sightings()))
            let requests = (0..<5).map { _ in gatehouse.request { .pass($0) } }
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        gatehouse.cast(.open)
                        await Task.yield()
                        gatehouse.cast(.close)
                    }
                }
            }
            gatehouse.cast(.open)
            var replies: [Int] = []
            for request in requests { replies.append(try await request.value()) }
            try #require(replies == [1, 2, 3, 4, 5])
            try await gatehouse.stop()
            test.assertNothingLeft()
        }
    }
}
