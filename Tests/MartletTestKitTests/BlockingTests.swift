// SPDX-License-Identifier: Apache-2.0
// Handlers that block: threads are stacks, one of them runs.

import Martlet
import MartletTestKit
import Synchronization
import Testing

@Suite("Blocking calls on a test runtime")
struct BlockingTests {
    /// Three servers that block for replies which come at different times; the trace.
    private static func blockers(_ test: TestRuntime) async throws -> UInt64 {
        let ends = try await [Desk.start(), Desk.start()]
        let desks = try await [Desk.start(), Desk.start(), Desk.start()]
        let inside = Inside()
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for (index, desk) in desks.enumerated() {
                let end = ends[index % 2]
                group.addTask {
                    try await desk.ask { _, from in
                        inside.pass()
                        let reply = try end.askBlocking { state, from in
                            state.held.append(from)
                            Desk.current.sendAfter(.milliseconds(3 - index), -1)
                            return .wait
                        }
                        inside.pass()
                        return from.reply(reply)
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        try #require(sum == -3 && inside.wasAlone)
        return test.trace
    }

    @Test("handlers that block for each other's replies go on in any order, by the seed, one at a time")
    func nested() async throws {
        var traces: Set<UInt64> = []
        for seed in 0..<60 {
            let trace = try await withTestRuntime(seed: UInt64(seed), Self.blockers)
            #expect(try await withTestRuntime(seed: UInt64(seed), Self.blockers) == trace)
            traces.insert(trace)
        }
        #expect(traces.count > 50)
    }

    @Test("a blocking call times out in virtual time, and Runtime.blocking stands still")
    func timeout() async throws {
        try await withTestRuntime { test in
            let mute = try await Desk.start()
            let desk = try await Desk.start()
            let outcome = try await desk.ask(timeout: nil) { _, from in
                Runtime.blocking {}
                do throws(CallError) {
                    _ = try mute.askBlocking(timeout: .seconds(3)) {
                        $0.held.append($1); return .wait
                    }
                    return from.reply(0)
                } catch .timeout {
                    return from.reply(1)
                } catch { return from.reply(2) }
            }
            #expect(outcome == 1 && test.clock.now == .seconds(3))
        }
    }

    @Test("two servers that wait for replies which both deferred are a deadlock with both names")
    func deadlock() async throws {
        do {
            try await withTestRuntime { _ in
                let one = try await Desk.start()
                let two = try await Desk.start()
                // The handler has returned: anyone could reply, so it is no call cycle.
                let defers: @Sendable (inout Desk, From<Int>) -> Next = {
                    $0.held.append($1)
                    return .wait
                }
                one.cast(
                    .tell { _ in
                        _ = try? two.askBlocking(timeout: nil, defers)
                        return .wait
                    })
                _ = try await one.ask(timeout: nil) { $1.reply(1) }
            }
            Issue.record("expected a deadlock")
        } catch let error as TestRuntimeError {
            #expect(error.details.count { $0.contains("waits for process") } == 2, "\(error)")
        }
    }
}

/// Notes whether two threads were inside at once.
private final class Inside: Sendable {
    private let count = Atomic(0)
    private let worst = Atomic(0)

    var wasAlone: Bool { worst.load(ordering: .relaxed) == 1 }

    func pass() {
        let now = count.add(1, ordering: .acquiringAndReleasing).newValue
        worst.max(now, ordering: .relaxed)
        for _ in 0..<100 { _ = count.load(ordering: .acquiring) }
        count.subtract(1, ordering: .acquiringAndReleasing)
    }
}
