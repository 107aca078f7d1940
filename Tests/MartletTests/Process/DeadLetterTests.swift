// SPDX-License-Identifier: Apache-2.0
// A notice names types and processes.

import Testing

@testable import Martlet

@Suite("DeadLetter")
struct DeadLetterTests {
    @Test("every cause can be told apart as a key")
    func causes() {
        #expect(Set(DeadLetter.Cause.allCases).count == 5)
    }

    @Test("it holds receiver, sender, type and cause; a sender outside of processes is nil")
    func fields() {
        let letter = DeadLetter(to: Pid(raw: 1), from: nil, type: "Counter.Cast", cause: .full)
        #expect(letter.to == Pid(raw: 1))
        #expect(letter.from == nil)
        #expect(letter.type == "Counter.Cast")
        #expect(letter.cause == .full)
    }
}
