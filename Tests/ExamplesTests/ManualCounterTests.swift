// SPDX-License-Identifier: Apache-2.0
// The counter by hand counts, what goes wrong without an alias, and who hears of its end.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("ManualCounterExample")
struct ManualCounterExampleTests {
    @Test("the tour prints 1, 2, 2")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await manualTour(output: lines.output) }
        #expect(lines.all == ["1", "2", "2"])
    }

    @Test("without an alias a late reply is taken for the answer to the next request; with one it vanishes (S1, R4)")
    func lateReply() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await lateReplyTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "without: get is no answer", "without: increment is 7", "without: increment is 8",
                "alias: get is no answer", "alias: increment is 8", "alias: increment is 9",
            ])
    }

    @Test("a monitor and a trapped exit tell of a counter's end, a link ends it with its parent (S2)")
    func ends() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await manualEndsTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "monitor: normal", "monitor of one that is gone: no process", "trapped exit: killed",
                "linked with one that failed: error (OutOfMoney)",
            ])
    }

    @Test("a reply to an alias that has ended vanishes")
    func lateReplyVanishes() async throws {
        try await withExampleRuntime { _ in
            try await withProcess(receiving: Int.self) { mailbox in
                let counter = ManualCounter.start(7)
                let alias = mailbox.alias()
                mailbox.unalias(alias)
                counter.send(.get(replyTo: alias))
                let answer = try await ManualCounter.increment(counter, &mailbox)
                #expect(answer == 8)
                counter.send(.stop)
            }
        }
    }

    @Test("a client of a counter that has stopped learns it by its timeout only")
    func timeout() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            let counter = ManualCounter.start()
            counter.send(.stop)
            spawn(Int.self) { mailbox in
                let answer = try await ManualCounter.get(counter, &mailbox)
                lines.output(answer.map { "\($0)" } ?? "no answer")
            }
            test.advance(.seconds(4))
            #expect(lines.all.isEmpty)
            test.advance(.seconds(2))
            #expect(lines.all == ["no answer"])
        }
    }
}
