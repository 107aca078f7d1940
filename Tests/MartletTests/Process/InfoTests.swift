// SPDX-License-Identifier: Apache-2.0
// The size of an info, and its use in a switch.

import Testing

@testable import Martlet

@Suite("Info")
struct InfoTests {
    @Test("it is 33 bytes while its message is not longer than an existential")
    func layout() {
        #expect(MemoryLayout<Info<Int>>.size == 33)
        #expect(MemoryLayout<Info<Never>>.size == 33)
    }

    @Test("a server without messages needs no case for one")
    func withoutMessages() {
        func name(_ info: Info<Never>) -> String {
            switch info {
            case .timeout: "timeout"
            case .exit: "exit"
            case .down: "down"
            case .unexpected(let value): "unexpected \(type(of: value))"
            }
        }
        #expect(name(.timeout) == "timeout")
        #expect(name(.unexpected(1)) == "unexpected Int")
    }
}
