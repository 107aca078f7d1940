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
    /// Calls one of `servers` after the other until told to end, and pauses for `interval` between calls.
    ///
    /// A call that lasted longer than the interval stands for those that would have been made meanwhile, each shorter by
    /// an interval: else one long wait would count as little as one short one.
    static func run(
        _ servers: [QuietServer.Ref], every interval: Duration, until end: Flag
    ) async throws -> Latencies {
        var latencies = Latencies()
        let step = interval.components.attoseconds / 1_000_000_000
        var index = 0
        while !end.isUp {
            let start = monotonicNow()
            let answer = try await servers[index % servers.count].call(timeout: .seconds(60)) { .echo(index, $0) }
            precondition(answer == index, "expected the answer \(index), got \(answer)")
            var took = Int64(monotonicNow() - start)
            repeat {
                latencies.add(UInt64(took))
                took -= step
            } while took > 0
            index += 1
            try await Task.sleep(for: interval)
        }
        return latencies
    }
}
