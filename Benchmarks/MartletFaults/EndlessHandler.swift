// SPDX-License-Identifier: Apache-2.0
// F18: a handler that never ends is killed all the same, and what it does later has no effect.

import Martlet

/// Handlers that compute for ever, killed.
public enum EndlessHandler {
    struct Endless: GenServer {
        enum Cast { case spin(Flag, inside: Flag, after: Tally) }

        private let witness: Witness.Ref

        init(_ witness: Witness.Ref) { self.witness = witness }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .spin(let flag, let inside, let after):
                inside.raise()
                flag.spinUntilUp()
                // Killed by now: none of this may happen.
                witness.cast(.effect)
                witness.sendAfter(.zero, 1)
                after.add()
            }
            return .wait
        }
    }

    struct Witness: GenServer {
        enum Call { case effects(From<Int>) }
        enum Cast { case effect }
        typealias Message = Int

        private var effects = 0

        init(_: Void) {}

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .effects(let from): from.reply(effects)
            }
        }
        mutating func handleCast(_ cast: Cast) -> Next {
            effects += 1
            return .wait
        }
        mutating func handleInfo(_ info: Info<Int>) -> Next {
            effects += 1
            return .wait
        }
    }

    /// - Parameter count: handlers, one after the other.
    public static func run(count: Int) async -> FaultReport {
        await withFaultRuntime("F18") { runtime, report in
            let witness = try await Witness.start(), after = Tally()
            var latencies = Latencies()
            for _ in 0..<count {
                let flag = Flag(), inside = Flag()
                let server = try await Endless.start(witness)
                server.cast(.spin(flag, inside: inside, after: after))
                await inside.waitUntilUp()
                let start = monotonicNow()
                server.pid.kill()
                let reason = try await server.pid.waitForExit()
                latencies.add(monotonicNow() - start)
                report.expect("\(reason)" == "killed" || "\(reason)" == "no process", "ended with \(reason)")
                flag.raise()
            }
            report.expect(await after.reaches(count), "handlers that never came back")
            runtime.waitUntilIdleBlocking()
            let effects = try await witness.call { .effects($0) }
            report.measure("kill_to_news", latencies)
            report.measure("effects_after_kill", effects)
            report.expectEqual(effects, 0, "effects of killed handlers")
        }
    }
}
