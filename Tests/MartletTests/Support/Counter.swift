// SPDX-License-Identifier: Apache-2.0
// The guide's counter.

import Martlet

struct Counter: GenServer {
    enum Call { case increment(by: Int, From<Int>), get(From<Int>) }
    enum Cast { case add(Int), reset }

    private(set) var count: Int
    init(_ initial: Int) { count = initial }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .increment(let n, let from):
            count += n
            return from.reply(count)
        case .get(let from):
            return from.reply(count)
        }
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .add(let n): count += n
        case .reset: count = 0
        }
        return .wait
    }
}

extension ServerAddress<Counter.Ref> {
    /// The count, for a reference and a name alike.
    func get() async throws(CallError) -> Int { try await call { .get($0) } }
}
