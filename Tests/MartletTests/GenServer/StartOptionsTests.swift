// SPDX-License-Identifier: Apache-2.0
// Options set what they name and nothing else.

import Testing

@testable import Martlet

@Suite("StartOptions")
struct StartOptionsTests {
    @Test("without arguments nothing is overridden")
    func defaults() {
        let options = StartOptions()
        #expect(options.mailbox == nil)
        #expect(options.timeout == nil)
        #expect(options.hibernatesAfter == nil)
        #expect(options.label == nil)
        #expect(options.runtime == nil)
    }

    @Test("each argument sets its own property")
    func arguments() {
        let options = StartOptions(
            mailbox: .bounded(4, whenFull: .reject), timeout: .seconds(1), hibernatesAfter: .seconds(2),
            label: "importer")
        #expect(options.mailbox?.capacity == 4)
        #expect(options.timeout == .seconds(1))
        #expect(options.hibernatesAfter == .seconds(2))
        #expect(options.label == "importer")
        #expect(options.runtime == nil)
    }
}
