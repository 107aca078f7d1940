// SPDX-License-Identifier: Apache-2.0
// The size of an outcome.

import Testing

@testable import Martlet

@Suite("SendOutcome")
struct SendOutcomeTests {
    @Test("it is one byte")
    func layout() {
        #expect(MemoryLayout<SendOutcome>.size == 1)
    }
}
