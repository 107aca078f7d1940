// SPDX-License-Identifier: Apache-2.0
// What a failing seed looks like, and how it is run again.

import Martlet
import Testing

@testable import MartletTestKit

@Suite("explore")
struct ExploreTests {
    @Test("the first seed that throws fails it, with the error and a command to replay it")
    func throwing() async throws {
        do {
            try await explore(seeds: 0..<100) { test in
                if test.seed == 17 { throw Failure() }
            }
            Issue.record("expected a failure")
        } catch let failure as SeedFailure {
            #expect(failure.seed == 17 && failure.passed == 17 && failure.error is Failure)
            #expect(failure.replay == "MT_SEED=17 swift test --filter throwing")
            #expect("\(failure)".contains("MT_SEED=17") && "\(failure)".contains("Failure"))
        }
    }

    @Test("a seed whose #expect fails is found too")
    func expecting() async throws {
        try await withKnownIssue {
            do {
                try await explore(seeds: 0..<100) { test in #expect(test.seed != 5) }
            } catch let failure as SeedFailure {
                #expect(failure.seed == 5 && failure.error == nil)
                throw failure
            }
        } matching: { issue in
            issue.error is SeedFailure || "\(issue)".contains("test.seed")
        }
    }

    @Test("MT_SEED runs that seed alone, MT_SEEDS so many, MT_SEEDS_MAX at most so many")
    func environment() {
        #expect(Replay.seeds(insteadOf: 0..<10, alone: 42, count: nil, most: nil) == 42..<43)
        #expect(Replay.seeds(insteadOf: 0..<10, alone: 42, count: 5, most: 1) == 42..<43)
        #expect(Replay.seeds(insteadOf: 5..<10, alone: nil, count: 1_000, most: nil) == 5..<1_005)
        #expect(Replay.seeds(insteadOf: 5..<10, alone: nil, count: nil, most: nil) == 5..<10)
        #expect(Replay.seeds(insteadOf: 5..<10, alone: nil, count: nil, most: 3) == 5..<8)
        #expect(Replay.seeds(insteadOf: 5..<10, alone: nil, count: nil, most: 100) == 5..<10)
        #expect(Replay.seeds(insteadOf: 5..<10, alone: nil, count: 1_000, most: 100) == 5..<105)
    }

    @Test("a body that leaves nothing behind passes assertNothingLeft; each thing left is named")
    func left() async throws {
        let words = ["Counter", "1 timer", "waits for", "messages that nobody has handled"]
        for (index, word) in words.enumerated() {
            try await withKnownIssue {
                try await withTestRuntime { test in
                    let counter = try await Counter.start(0)
                    let desk = try await Desk.start()
                    let asking = Task {
                        try? await desk.ask(timeout: nil) {
                            $0.held.append($1); return .wait
                        }
                    }
                    if index != 2 { try await desk.stop() }
                    await test.clock.runUntilIdle()
                    if index == 1 { counter.pid.kill() }
                    if index == 1 { Probe(Int.self).ref.sendAfter(.seconds(1), 1) }
                    if index == 3 { counter.cast(.add(1)) }
                    test.assertNothingLeft()
                    desk.pid.kill()
                    _ = await asking.value
                }
            } matching: { issue in
                "\(issue)".contains(word)
            }
        }
    }
}
