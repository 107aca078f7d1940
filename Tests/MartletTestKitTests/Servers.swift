// SPDX-License-Identifier: Apache-2.0
// The servers of these tests.

import Martlet

/// The guide's counter.
struct Counter: GenServer {
    enum Call { case increment(by: Int, From<Int>), get(From<Int>) }
    enum Cast { case add(Int) }

    private var count: Int
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
        if case .add(let n) = cast { count += n }
        return .wait
    }
}

/// A server that does what a test writes into its messages, and notes numbers.
struct Desk: GenServer {
    enum Call { case ask(From<Int>, @Sendable (inout Desk, From<Int>) throws -> Next), seen(From<[Int]>) }
    enum Cast { case tell(@Sendable (inout Desk) throws -> Next), note(Int) }
    typealias Message = Int

    /// What came, in order.
    var seen: [Int] = []
    /// Requests that are answered later.
    var held: [From<Int>] = []

    init(_: Void) {}

    mutating func handleCall(_ call: Call) throws -> Next {
        switch call {
        case .ask(let from, let body): try body(&self, from)
        case .seen(let from): from.reply(seen)
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .tell(let body): return try body(&self)
        case .note(let number):
            seen.append(number)
            return .wait
        }
    }

    /// A number is noted; a negative one answers the oldest request that waits.
    mutating func handleInfo(_ info: Info<Int>) -> Next {
        guard case .message(let number) = info else { return .wait }
        if number >= 0 { seen.append(number) } else if !held.isEmpty { held.removeFirst().reply(number) }
        return .wait
    }
}

extension ServerAddress where Call == Desk.Call {
    func ask(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (inout Desk, From<Int>) throws -> Next
    ) async throws(CallError) -> Int { try await call(timeout: timeout) { .ask($0, body) } }

    func askBlocking(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (inout Desk, From<Int>) throws -> Next
    ) throws(CallError) -> Int { try call(timeout: timeout) { .ask($0, body) } }
}

/// An error of the tests.
struct Failure: Error, Equatable {}
