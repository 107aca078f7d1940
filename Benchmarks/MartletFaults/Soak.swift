// SPDX-License-Identifier: Apache-2.0
// F28: a mixed load for as long as wanted, a line of JSON each interval, and the verdict at the end.

import Foundation
import Martlet

/// Runs the load and watches that nothing grows, nothing is lost and nothing comes twice.
public enum Soak {
    /// - Parameters:
    ///   - plan: how long.
    ///   - isAlone: nothing else runs in this process, so that its memory, threads and descriptors may be judged.
    ///   - line: called with each line.
    public static func run(_ plan: SoakPlan, isAlone: Bool, report line: (String) -> Void) async -> FaultReport {
        await withFaultRuntime("F28") { runtime, report in
            let counters = SoakCounters(), end = Flag()
            let load = Task { try await SoakLoad(runtime: runtime, counters: counters, end: end).run() }
            let begin = ContinuousClock.now
            var samples = SoakSamples()
            var operations = 0
            while begin.duration(to: .now) < plan.duration
                || !counters.hasSeenAll && begin.duration(to: .now) < plan.duration + .seconds(60)
            {
                let start = ContinuousClock.now
                try await Task.sleep(for: plan.interval)
                let rate = Double(counters.operations.count - operations) / (start.duration(to: .now) / .seconds(1))
                operations = counters.operations.count
                let sample = SoakSamples.Sample(
                    seconds: begin.duration(to: .now) / .seconds(1), gauges: .now, operationsPerSecond: rate)
                samples.append(sample)
                line(text(sample, counters, runtime))
            }
            end.raise()
            try await load.value
            runtime.waitUntilIdleBlocking()
            judge(counters, &report)
            if isAlone { samples.judge(&report) }
        }
    }

    private static func text(_ sample: SoakSamples.Sample, _ counters: SoakCounters, _ runtime: Runtime) -> String {
        let statistics = runtime.statistics
        let latencies = counters.takeLatencies()
        var line = sample.line
        line.measure("call_p50_ms", latencies.p50)
        line.measure("call_p99_ms", latencies.p99)
        line.measure("processes", statistics.processes)
        line.measure("timers", statistics.timers)
        line.measure("sent", Int(statistics.sent))
        line.measure("handled", Int(statistics.handled))
        line.measure("refused", Int(statistics.refused))
        line.measure("discarded", Int(statistics.discarded))
        line.measure("late_replies", Int(runtime.deadLetterCounts[.lateReply] ?? 0))
        line.measure("crashes", counters.crashes.count)
        line.measure("kills", counters.kills.count)
        line.measure("call_timeouts", counters.timeouts.count)
        line.measure("timers_fired", counters.timersFired.count)
        line.measure("timers_cancelled", counters.timersCancelled.count)
        line.measure("violations", counters.violations)
        return line.json
    }

    private static func judge(_ counters: SoakCounters, _ report: inout FaultReport) {
        report.expectEqual(counters.disorder.count, 0, "messages out of order (F7)")
        report.expectEqual(counters.wrongReplies.count, 0, "replies of another call (F9)")
        report.expectEqual(counters.earlyTimers.count, 0, "timers that fired early (F10)")
        report.expectEqual(counters.lateCancels.count, 0, "timers that fired after their cancel (F10)")
        report.expectEqual(counters.failures.count, 0, "operations that failed")
        for (name, tally) in counters.activities { report.expect(tally.count > 0, "the load had no \(name)") }
        report.measure("operations", counters.operations.count)
    }
}
