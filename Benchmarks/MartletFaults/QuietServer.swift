// SPDX-License-Identifier: Apache-2.0
// The bystander of a scenario: a well behaved server, and a client that times calls to it.

import Martlet

/// Answers at once.
struct QuietServer: GenServer {
    enum Call { case echo(Int, From<Int>), ignore(From<Int>) }

    init(_: Void) {}

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .echo(let number, let from): from.reply(number)
        case .ignore: .wait
        }
    }
}

enum QuietClient {
    /// Calls one of `servers` after the other, a call each `interval` whether or not the last one was late, until told
    /// to end; a call counts from the moment it was due.
    static func run(
        _ servers: [QuietServer.Ref], every interval: Duration, until end: Flag
    ) async throws -> Latencies {
        var latencies = Latencies()
        let step = UInt64(interval.components.attoseconds / 1_000_000_000)
        var due = monotonicNow()
        var index = 0
        while !end.isUp {
            let now = monotonicNow()
            if now < due { try await Task.sleep(nanoseconds: due - now) }
            // Open loop: what the sleep overshoots is the clock's, what a late call causes is its own.
            let start = max(due, min(monotonicNow(), due + step))
            let answer = try await servers[index % servers.count].call(timeout: .seconds(60)) { .echo(index, $0) }
            precondition(answer == index, "expected the answer \(index), got \(answer)")
            latencies.add(monotonicNow() - start)
            index += 1
            due += step
        }
        return latencies
    }
}
