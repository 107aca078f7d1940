// SPDX-License-Identifier: Apache-2.0
// F28: a mixed load for as long as wanted, a line of JSON each interval, and the verdict at the end.

import Foundation
import Martlet

/// Runs the load and watches that nothing grows, nothing is lost and nothing comes twice.
public enum Soak {
    /// How long a soak lasts and how often it reports.
    public struct Plan: Sendable {
        /// Of the load.
        public var duration: Duration
        /// From one line to the next.
        public var interval: Duration

        /// A line a minute, more often in a soak of a few minutes.
        public init(minutes: Double) {
            duration = .seconds(minutes * 60)
            interval = .seconds(min(60, max(1, minutes * 60 / 4)))
        }
    }

    /// MiB of a backlog of 40,000 messages with as many timers; a leak has no end.
    private static let poolsGrowthMax = 8.0

    private struct Sample {
        let seconds: Double
        let gauges: ProcessGauges
        let operationsPerSecond: Double
    }

    /// - Parameters:
    ///   - plan: how long.
    ///   - isAlone: nothing else runs in this process, so that its memory, threads and descriptors may be judged.
    ///   - line: called with each line.
    public static func run(_ plan: Plan, isAlone: Bool, report line: (String) -> Void) async -> FaultReport {
        await withFaultRuntime("F28") { runtime, report in
            let counters = SoakCounters(), end = Flag()
            let load = Task { try await SoakLoad(runtime: runtime, counters: counters, end: end).run() }
            let begin = ContinuousClock.now
            var samples: [Sample] = []
            var operations = 0
            while begin.duration(to: .now) < plan.duration
                || !counters.hasSeenAll && begin.duration(to: .now) < plan.duration + .seconds(60)
            {
                let start = ContinuousClock.now
                try await Task.sleep(for: plan.interval)
                let rate = Double(counters.operations.count - operations) / (start.duration(to: .now) / .seconds(1))
                operations = counters.operations.count
                let sample = Sample(
                    seconds: begin.duration(to: .now) / .seconds(1), gauges: .now, operationsPerSecond: rate)
                samples.append(sample)
                line(text(sample, counters, runtime))
            }
            end.raise()
            try await load.value
            runtime.waitUntilIdleBlocking()
            judge(isAlone ? samples : [], counters, &report)
        }
    }

    private static func text(_ sample: Sample, _ counters: SoakCounters, _ runtime: Runtime) -> String {
        let statistics = runtime.statistics
        let latencies = counters.takeLatencies()
        var line = FaultReport("F28")
        line.measure("seconds", sample.seconds.rounded())
        line.measure("ops_per_s", sample.operationsPerSecond.rounded())
        line.measure("call_p50_ms", latencies.p50)
        line.measure("call_p99_ms", latencies.p99)
        line.measure("rss_mib", sample.gauges.residentMiB)
        line.measure("pools_mib", sample.gauges.pooledMiB)
        line.measure("threads", sample.gauges.threads)
        line.measure("fds", sample.gauges.descriptors)
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

    private static func judge(_ samples: [Sample], _ counters: SoakCounters, _ report: inout FaultReport) {
        report.expectEqual(counters.disorder.count, 0, "messages out of order (F7)")
        report.expectEqual(counters.wrongReplies.count, 0, "replies of another call (F9)")
        report.expectEqual(counters.earlyTimers.count, 0, "timers that fired early (F10)")
        report.expectEqual(counters.lateCancels.count, 0, "timers that fired after their cancel (F10)")
        report.expectEqual(counters.failures.count, 0, "operations that failed")
        for (name, tally) in counters.activities { report.expect(tally.count > 0, "the load had no \(name)") }
        report.measure("operations", counters.operations.count)
        // The first quarter warms up: pools, spare threads, the allocator.
        let warm = Array(samples.dropFirst(max(1, samples.count / 4)))
        guard let first = warm.first, let last = warm.last, warm.count >= 2 else { return }
        // One backlog, on a machine that stops the workers for a moment, raises the pools once and for all: their growth
        // has a bound of its own.
        let growth = last.gauges.otherMiB - first.gauges.otherMiB
        let pooled = last.gauges.pooledMiB - first.gauges.pooledMiB
        let hours = (last.seconds - first.seconds) / 3_600
        report.measure("rss_growth_mib", last.gauges.residentMiB - first.gauges.residentMiB)
        report.measure("pools_growth_mib", pooled)
        report.measure("other_slope_mib_per_h", slope(warm) * 3_600)
        report.measure("other_slope_second_half_mib_per_h", slope(warm.suffix(warm.count / 2 + 1)) * 3_600)
        report.measure("hours_judged", hours)
        let rates = warm.map(\.operationsPerSecond)
        report.measure("throughput_drift_percent", ((rates.last ?? 0) / (rates.first ?? 1) - 1) * 100)
        // Flat: 5 % or 2 MiB for what the allocator does by chance.
        report.expect(
            growth <= max(2, first.gauges.residentMiB * 0.05), "memory outside the pools grew by \(growth) MiB")
        report.expect(pooled <= poolsGrowthMax, "the pools grew by \(pooled) MiB")
        report.expectEqual(warm.map(\.gauges.descriptors).max(), first.gauges.descriptors, "file descriptors are flat")
        let threads = warm.map(\.gauges.threads)
        report.measure("threads_first", threads.first ?? 0)
        report.measure("threads_max", threads.max() ?? 0)
        // Spare threads start when handlers block together; they stay, and are few.
        report.expect((threads.max() ?? 0) <= first.gauges.threads + 4, "threads grew: \(threads)")
    }

    /// Of the memory outside the pools, MiB a second, least squares.
    private static func slope(_ samples: some Collection<Sample>) -> Double {
        let count = Double(samples.count)
        let x = samples.map(\.seconds).reduce(0, +) / count
        let y = samples.map(\.gauges.otherMiB).reduce(0, +) / count
        let covariance = samples.map { ($0.seconds - x) * ($0.gauges.otherMiB - y) }.reduce(0, +)
        let variance = samples.map { ($0.seconds - x) * ($0.seconds - x) }.reduce(0, +)
        return variance > 0 ? covariance / variance : 0
    }
}
