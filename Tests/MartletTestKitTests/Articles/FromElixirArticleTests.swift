// SPDX-License-Identifier: Apache-2.0
// The examples of FromElixir.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("FromElixir.md", .timeLimit(.minutes(5)))
struct FromElixirArticleTests {
    struct Stack: GenServer {
        enum Call { case pop(From<Int?>) }
        enum Cast { case push(Int) }
        private var items: [Int]
        var count: Int { items.count }
        init(_ items: [Int]) { self.items = items }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .pop(let from): from.reply(items.popLast())
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .push(let item): items.append(item)
            }
            return .wait
        }
    }

    @Test("the stack of Elixir's guide")
    func stack() async throws {
        try await withTestRuntime { test in
            let stack = try await Stack.start([1, 2])
            stack.cast(.push(3))
            let top = try await stack.call { .pop($0) }  // 3
            #expect(top == 3)
            try await stack.stop()
            test.assertNothingLeft()
        }
    }
}

extension ServerAddress<FromElixirArticleTests.Stack.Ref> {
    func push(_ item: Int) { cast(.push(item)) }
    func pop() async throws(CallError) -> Int? { try await call { .pop($0) } }
}

extension FromElixirArticleTests {
    static let name: Stack.Name = "stack"

    @Test("a look into a server, and another state (R21)")
    func sys() async throws {
        try await withTestRuntime { test in
            let stack = try await Stack.start([1, 2])
            let items = try await stack.sys.withState { $0.count }
            try await stack.sys.suspend()  // what comes waits
            try await stack.sys.replaceState { _ in Stack([7]) }
            try await stack.sys.resume()
            #expect(items == 2)
            #expect(try await stack.pop() == 7)
            try await stack.stop()
            test.assertNothingLeft()
        }
    }

    @Test("client functions serve references and names (S38, S39)")
    func client() async throws {
        try await withTestRuntime { test in
            let stack = try await Stack.start([], name: Self.name)
            Self.name.push(1)
            stack.push(2)
            #expect(try await Self.name.pop() == 2)
            #expect(try await stack.pop() == 1)
            try await Self.name.stop()
            test.assertNothingLeft()
        }
    }
}
