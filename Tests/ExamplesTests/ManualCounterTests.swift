// SPDX-License-Identifier: Apache-2.0
// The counter by hand counts, and what goes wrong without an alias.

import Martlet
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

    @Test("without an alias a late reply is taken for the answer to the next request")
    func lateReplyTaken() async throws {
        try await withExampleRuntime { _ in
            try await withProcess(receiving: Int.self) { mailbox in
                let counter = ManualCounter.start(7)
                counter.send(.get(replyTo: mailbox.ref))  // and its sender gives up
                counter.send(.increment(replyTo: mailbox.ref))
                let wrong = try await mailbox.receive()
                let late = try await mailbox.receive()
                #expect((wrong, late) == (7, 8))
                counter.send(.stop)
            }
        }
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
