// SPDX-License-Identifier: Apache-2.0
// A server that waits for others: its callbacks await, and cost no thread meanwhile.
//
// See it run: swift test --filter AsyncRelayExample

import Martlet

/// Passes requests on to a counter, and keeps a log of them.
///
/// Noncopyable, with an object that is not Sendable: the state never leaves the process. Other requests wait until the
/// running one has its answer, so the log's lines come in pairs.
struct AsyncRelay: AsyncGenServer, ~Copyable {
    enum Call { case forward(From<Int>), lines(From<[String]>) }

    private final class Log {
        var lines: [String] = []
    }

    private let counter: Counter.Ref
    private let log = Log()

    init(_ counter: Counter.Ref) async { self.counter = counter }

    mutating func handleCall(_ call: Call) async throws -> Next {
        switch call {
        case .forward(let from):
            let log = log
            let count = try await counter.call {
                log.lines.append("asked")
                return .get($0)
            }
            log.lines.append("\(count)")
            return from.reply(count)
        case .lines(let from):
            return from.reply(log.lines)
        }
    }
}

extension ServerAddress<AsyncRelay.Ref> {
    /// The counter's count, by way of the relay.
    func forward() async throws(CallError) -> Int { try await call { .forward($0) } }
    /// What the relay has noted.
    func lines() async throws(CallError) -> [String] { try await call { .lines($0) } }
}
