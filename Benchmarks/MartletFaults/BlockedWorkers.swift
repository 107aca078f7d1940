// SPDX-License-Identifier: Apache-2.0
// F16: a handler that blocks, on every worker and more, with and without telling the runtime; the others are served.

import Martlet

/// Handlers that sleep while clients call other servers.
public enum BlockedWorkers {
    struct Blocker: GenServer {
        enum Cast { case block(Flag, politely: Bool, inside: Tally) }

        init(_: Void) {}

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .block(let flag, let politely, let inside):
                inside.add()
                if politely { Runtime.blocking { flag.sleepUntilUp() } } else { flag.sleepUntilUp() }
            }
            return .wait
        }
    }

    /// - Parameters:
    ///   - blocked: handlers that sleep; workers are as many as cores.
    ///   - politely: whether they say so.
    ///   - duration: how long.
    public static func run(blocked: Int, politely: Bool, for duration: Duration) async -> FaultReport {
        await withFaultRuntime("F16") { runtime, report in
            var quiet: [QuietServer.Ref] = []
            for _ in 0..<8 { quiet.append(try await QuietServer.start()) }
            let servers = quiet
            let end = Flag(), gate = Flag(), inside = Tally()
            // From the runtime's own threads and from others, from before the first handler blocks.
            let clients = (0..<4).map { number in
                let executor: (any TaskExecutor)? = number % 2 == 0 ? runtime.executor : nil
                return Task(executorPreference: executor) {
                    try await QuietClient.run(servers, every: .milliseconds(2), until: end)
                }
            }
            for _ in 0..<blocked {
                try await Blocker.start().cast(.block(gate, politely: politely, inside: inside))
            }
            report.expect(await inside.reaches(blocked), "only \(inside.count) handlers came to run")
            try await Task.sleep(for: duration)
            let during = ProcessGauges.now.threads
            end.raise()
            var latencies = Latencies()
            for client in clients { latencies.add(try await client.value) }
            gate.raise()
            report.measure("blocked_handlers", blocked)
            report.measure("threads", during)
            report.measure("other_calls", latencies)
            report.expect(latencies.count > 0, "no call was made")
        }
    }
}
