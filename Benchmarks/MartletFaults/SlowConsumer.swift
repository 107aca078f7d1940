// SPDX-License-Identifier: Apache-2.0
// F14: a call that gave up while it was queued is not run; a kill and an untrapped exit do not wait for the queue.

import Martlet

/// A server that is slow, with a long queue.
public enum SlowConsumer {
    struct Sluggard: GenServer {
        enum Call { case ask(From<Int>) }
        enum Cast { case sleep(Flag, inside: Flag), note }

        private let runs: Tally

        init(_ runs: Tally) { self.runs = runs }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .ask(let from):
                runs.add()
                return from.reply(1)
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .sleep(let flag, let inside):
                inside.raise()
                Runtime.blocking { flag.sleepUntilUp() }
            case .note: runs.add()
            }
            return .wait
        }
    }

    /// - Parameters:
    ///   - calls: that expire in the queue.
    ///   - queued: messages behind which the kill and the exit come.
    public static func run(calls: Int, queued: Int) async -> FaultReport {
        await withFaultRuntime("F14") { runtime, report in
            try await expiry(calls, &report, runtime)
            for (name, end) in [("kill", ExitReason.killed), ("exit", ExitReason.shutdown)] {
                report.measure("\(name)_ms", try await ending(queued, end, &report))
            }
        }
    }

    private static func expiry(_ calls: Int, _ report: inout FaultReport, _ runtime: Runtime) async throws {
        let runs = Tally(), gate = Flag(), inside = Flag()
        let server = try await Sluggard.start(runs)
        server.cast(.sleep(gate, inside: inside))
        await inside.waitUntilUp()
        let timeouts = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<calls {
                group.addTask {
                    do throws(CallError) {
                        _ = try await server.call(timeout: .milliseconds(20)) { .ask($0) }
                    } catch {
                        if case .timeout = error.reason { return true }
                    }
                    return false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        gate.raise()
        // Behind the expired ones.
        _ = try await server.call(timeout: .seconds(60)) { .ask($0) }
        report.measure("expired_calls", timeouts)
        report.measure("wasted_runs", runs.count - 1)
        report.expectEqual(timeouts, calls, "calls that timed out")
        report.expectEqual(runs.count, 1, "handler runs")
        report.expectEqual(Int(runtime.deadLetterCounts[.expired] ?? 0), calls, "expired requests counted")
        try await server.stop()
    }

    /// Milliseconds from the signal to the news of the end.
    private static func ending(_ queued: Int, _ reason: ExitReason, _ report: inout FaultReport) async throws -> Double
    {
        let runs = Tally(), gate = Flag(), inside = Flag()
        let server = try await Sluggard.start(runs)
        // Before the queue: a watch is a message, and one behind a million others is answered behind them.
        let watcher = Task.immediate { (try await server.pid.waitForExit(), monotonicNow()) }
        server.cast(.sleep(gate, inside: inside))
        await inside.waitUntilUp()
        for _ in 0..<queued { server.cast(.note) }
        let start = monotonicNow()
        server.pid.exit(reason)
        let (told, at) = try await watcher.value
        let milliseconds = Double(at - start) / 1e6
        gate.raise()
        report.expectEqual("\(told)", "\(reason)", "the reason told")
        report.expectEqual(runs.count, 0, "messages handled after the end")
        return milliseconds
    }
}
