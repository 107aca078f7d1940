// SPDX-License-Identifier: Apache-2.0
// F17: servers that always have something to do do not starve those that seldom have.

import Martlet

/// A few hot servers beside many quiet ones.
public enum Starvation {
    struct Hot: GenServer {
        enum Cast { case again }

        private let end: Flag
        private let rounds: Tally
        private var count = 0

        init(_ argument: (end: Flag, rounds: Tally)) { (end, rounds) = argument }

        mutating func handleCast(_ cast: Cast) -> Next {
            count += 1
            if end.isUp { rounds.add(count); count = 0 } else { Self.current.cast(.again) }
            return .wait
        }
    }

    /// - Parameters:
    ///   - hot: servers that never stop.
    ///   - quiet: servers that are called now and then.
    ///   - duration: how long.
    public static func run(hot: Int = 10, quiet: Int = 10_000, for duration: Duration) async -> FaultReport {
        await withFaultRuntime("F17") { runtime, report in
            let end = Flag(), rounds = Tally()
            var servers: [QuietServer.Ref] = []
            for _ in 0..<quiet { servers.append(try await QuietServer.start()) }
            for _ in 0..<hot {
                let server = try await Hot.start((end, rounds))
                // Several at once: its queue is never empty.
                for _ in 0..<200 { server.cast(.again) }
            }
            let all = servers.shuffled()
            let clients = (0..<4).map { number in
                Task {
                    try await QuietClient.run(
                        Array(all[(number * quiet / 4)..<((number + 1) * quiet / 4)]), every: .milliseconds(10),
                        until: end)
                }
            }
            try await Task.sleep(for: duration)
            end.raise()
            var latencies = Latencies()
            for client in clients { latencies.add(try await client.value) }
            runtime.waitUntilIdleBlocking()
            report.measure("hot_messages", rounds.count)
            report.measure("quiet_call", latencies)
            report.expect(rounds.count > 0 && latencies.count > 0, "nothing ran")
        }
    }
}
