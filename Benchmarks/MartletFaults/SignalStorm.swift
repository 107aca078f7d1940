// SPDX-License-Identifier: Apache-2.0
// F22: signals by the thousand interrupt nothing of the runtime's.

import Foundation
import Martlet
import Synchronization

/// Signals to this process while it works.
public enum SignalStorm {
    private static let seen = Atomic(0)

    /// - Parameters:
    ///   - rate: signals a second.
    ///   - duration: how long.
    public static func run(rate: Int, for duration: Duration) async -> FaultReport {
        await withFaultRuntime("F22") { runtime, report in
            _ = signal(SIGUSR1) { _ in SignalStorm.seen.add(1, ordering: .relaxed) }
            let end = Flag(), sent = Tally()
            let storm = Thread {
                // In bursts, to keep up with the rate: a sleep is longer than the pause between two.
                let begin = monotonicNow()
                while !end.isUp {
                    let wanted = Int(Double(monotonicNow() - begin) / 1e9 * Double(rate))
                    while sent.count < wanted, kill(getpid(), SIGUSR1) == 0 { sent.add() }
                    usleep(500)
                }
            }
            storm.start()
            let start = monotonicNow()
            let order = Task { await CallExchange.run(runtime, for: duration) }
            let timers = Task { await TimerFates.run(count: 20_000, spread: duration / 2, id: "F22") }
            let (messages, failures) = await order.value
            let fates = await timers.value
            end.raise()
            let seconds = Double(monotonicNow() - start) / 1e9
            report.measure("signals_sent", sent.count)
            report.measure("signals_per_s", Double(sent.count) / seconds)
            report.measure("signals_handled", seen.load(ordering: .relaxed))
            report.measure("calls", messages)
            report.expectEqual(failures, 0, "calls that failed")
            report.expect(messages > 0 && seen.load(ordering: .relaxed) > 0, "nothing happened")
            for violation in fates.violations { report.expect(false, "timers: \(violation)") }
        }
    }
}

enum CallExchange {
    /// Calls with a deadline, blocking and not, for a while; how many there were, and how many failed.
    static func run(_ runtime: Runtime, for duration: Duration) async -> (calls: Int, failures: Int) {
        await withTaskGroup(of: (Int, Int).self) { group in
            for number in 0..<8 {
                let executor: (any TaskExecutor)? = number % 2 == 0 ? runtime.executor : nil
                group.addTask(executorPreference: executor) {
                    guard let server = try? await QuietServer.start(options: StartOptions(runtime: runtime)) else {
                        return (0, 1)
                    }
                    let end = ContinuousClock.now + duration
                    var calls = 0, failures = 0
                    while ContinuousClock.now < end {
                        let answer = try? await server.call { .echo(calls, $0) }
                        failures += answer == calls ? 0 : 1
                        calls += 1
                    }
                    return (calls, failures)
                }
            }
            return await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
    }
}
