// SPDX-License-Identifier: Apache-2.0
// Requests whose replies are taken later, over many seeds: takers, abandoners, deadlines and ends against each other, each
// run with its books balanced and nothing left.

import Martlet
import MartletTestKit
import Testing

@Suite("Races of requests", .tags(.systematic), .takesTurns)
struct RequestTests {
    /// A request that is answered after so many milliseconds, or never.
    private static func ask(_ desk: Desk.Ref, after delay: Int?, timeout: Duration) -> PendingReply<Int> {
        desk.request(timeout: timeout) {
            .ask($0) { state, from in
                guard let delay else { return .wait }
                state.held.append(from)
                Desk.current.sendAfter(.milliseconds(delay), -1)
                return .wait
            }
        }
    }

    @Test("value, abandon, deadline, kill: one outcome for whoever waits, and nothing is left")
    func outcomes() async throws {
        try await explore(seeds: 0..<10_000) { test in
            var random = test.random
            let desk = try await Desk.start()
            let kills = Int.random(in: 0..<4, using: &random) == 0
            let words = await withTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    let pending = Self.ask(
                        desk, after: Bool.random(using: &random) ? Int.random(in: 0..<4, using: &random) : nil,
                        timeout: .milliseconds(Int.random(in: 1..<4, using: &random)))
                    let choice = Int.random(in: 0..<4, using: &random)
                    group.addTask {
                        if choice == 0 {
                            pending.abandon()
                            return "abandoned"
                        }
                        do throws(CallError) { return "\(try await pending.value())" } catch {
                            return "\(error.reason)"
                        }
                    }
                    // Beside the one who waits: that one hears of it.
                    if choice == 1 {
                        group.addTask {
                            pending.abandon()
                            return "abandoned"
                        }
                    }
                }
                if kills {
                    group.addTask {
                        desk.process.pid.kill()
                        return "abandoned"
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let known: Set = ["-1", "timeout", "cancelled", "abandoned", "no process", "exited: killed"]
            try #require(Set(words).isSubset(of: known), "\(words)")
            desk.process.pid.kill()
            await test.clock.advance(by: .seconds(130))
            test.assertNothingLeft()
        }
    }

    @Test("a collection gives each reply once, whoever is first, whatever the time says")
    func collections() async throws {
        try await explore(seeds: 0..<10_000) { test in
            var random = test.random
            let desks = try await [Desk.start(), Desk.start()]
            var replies = PendingReplies<Int, Int>()
            for label in 0..<6 {
                let delay = Int.random(in: 0..<5, using: &random)
                replies.insert(
                    Self.ask(desks[label % 2], after: delay == 4 ? nil : delay, timeout: .milliseconds(3)), label: label
                )
            }
            var seen: [Int] = []
            let abandons = Bool.random(using: &random)
            while replies.count > 0 {
                let limit = Duration.milliseconds(Int.random(in: 1..<3, using: &random))
                guard let next = await replies.next(timeout: limit, abandoningRest: abandons) else { continue }
                seen.append(next.label)
            }
            try #require(Set(seen).count == seen.count && (abandons || seen.count == 6))
            for desk in desks { desk.process.pid.kill() }
            await test.clock.advance(by: .seconds(5))
            test.assertNothingLeft()
        }
    }
}
