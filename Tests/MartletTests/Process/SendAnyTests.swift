// SPDX-License-Identifier: Apache-2.0
// Values that the receiver has not declared arrive whole.

import Testing

@testable import Martlet

/// Notes what reaches it undeclared.
private struct Stranger: GenServer {
    enum Call { case seen(From<[String]>) }
    enum Message { case unused }
    private var seen: [String] = []

    init(_: Void) {}

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .seen(let from): from.reply(seen)
        }
    }

    mutating func handleInfo(_ info: Info<Message>) -> Next {
        if case .unexpected(let value) = info { seen.append("\(type(of: value)) \(value)") }
        return .wait
    }
}

@Suite("Pid.send(any:)")
struct SendAnyTests {
    /// Larger than the inline buffer of an existential, and than a node.
    private struct Large: Sendable, CustomStringConvertible {
        var words = InlineArray<200, Int>(repeating: 7)
        var description: String { "\(words[0]) \(words[199])" }
    }

    @Test("small, counted, large and existential values arrive as they were sent", .tags(.unit, .leak))
    func kinds() async throws {
        try await withRuntime { _ in
            let server = try await Stranger.start()
            let existential: any Sendable = [1, 2]
            server.pid.send(any: 1)
            server.pid.send(any: "a text that is too long to lie in the string itself")
            server.pid.send(any: Large())
            server.pid.send(any: existential)
            #expect(
                try await server.call { .seen($0) } == [
                    "Int 1", "String a text that is too long to lie in the string itself", "Large 7 7",
                    "Array<Int> [1, 2]",
                ])
        }
    }
}
