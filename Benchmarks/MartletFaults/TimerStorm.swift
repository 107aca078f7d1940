// SPDX-License-Identifier: Apache-2.0
// F12: a great many timers in one tick; the others are served meanwhile.

import Martlet

/// Timers of many servers, due at the same instant.
public enum TimerStorm {
    struct Sleeper: GenServer {
        enum Cast { case arm(Int, at: UInt64) }
        typealias Message = Int

        private let fired: Tally, armed: Tally

        init(_ tallies: (armed: Tally, fired: Tally)) { (armed, fired) = tallies }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .arm(let count, let instant):
                for number in 0..<count {
                    let now = monotonicNow()
                    Self.current.sendAfter(.nanoseconds(Int64(instant > now ? instant - now : 0)), number)
                }
                armed.add(count)
            }
            return .wait
        }

        mutating func handleInfo(_ info: Info<Int>) -> Next {
            fired.add()
            return .wait
        }
    }

    /// - Parameters:
    ///   - count: timers in one tick.
    ///   - lead: how long before it they are armed, at least.
    public static func run(count: Int, servers width: Int = 1_000, lead: Duration) async -> FaultReport {
        await withFaultRuntime("F12") { runtime, report in
            let tallies = (armed: Tally(), fired: Tally())
            var servers: [Sleeper.Ref] = []
            for _ in 0..<width { servers.append(try await Sleeper.start(tallies)) }
            let quiet = [try await QuietServer.start()]
            let instant = monotonicNow() + UInt64(lead.components.seconds) * 1_000_000_000
            for server in servers { server.cast(.arm(count / width, at: instant)) }
            let total = count / width * width
            report.expect(await tallies.armed.reaches(total), "not all were armed within a minute")
            let now = monotonicNow()
            report.expect(now < instant, "the storm was over before it began: a longer lead")
            try await Task.sleep(nanoseconds: instant > now ? instant - now : 0)
            let end = Flag()
            let clients = (0..<4).map { _ in
                Task { try await QuietClient.run(quiet, every: .milliseconds(4), until: end) }
            }
            report.expect(await tallies.fired.reaches(total), "not all fired within a minute")
            report.measure("all_fired_ms", Double(monotonicNow() - instant) / 1e6)
            end.raise()
            report.measure("timers", total)
            var latencies = Latencies()
            for client in clients { latencies.add(try await client.value) }
            report.measure("bystander_call", latencies)
            report.expectEqual(tallies.fired.count, total, "each fires once")
        }
    }
}
