// SPDX-License-Identifier: Apache-2.0
// What a soak looks at each interval, and whether it stayed flat. Both soaks judge by it.

/// The looks at memory, threads and descriptors that one soak has taken, in order.
struct SoakSamples {
    /// One look.
    struct Sample {
        let seconds: Double
        let gauges: ProcessGauges
        let operationsPerSecond: Double

        /// What each line of a soak begins with.
        var line: FaultReport {
            var line = FaultReport("F28")
            line.measure("seconds", seconds.rounded())
            line.measure("ops_per_s", operationsPerSecond.rounded())
            line.measure("rss_mib", gauges.residentMiB)
            line.measure("pools_mib", gauges.pooledMiB)
            line.measure("heap_mib", gauges.heapMiB)
            line.measure("threads", gauges.threads)
            line.measure("fds", gauges.descriptors)
            return line
        }
    }

    /// MiB of a backlog of 40,000 messages with as many timers; a leak has no end.
    private static let poolsGrowthMax = 8.0

    /// MiB that a spare thread brings with it: malloc's arena for it, and within that 64 idle carriers of some 9.5 KiB.
    private static let arenaMiB = 5.0, carriersMiB = 0.6

    private var samples: [Sample] = []

    mutating func append(_ sample: Sample) { samples.append(sample) }

    /// Measures how much grew, and whether that is flat.
    ///
    /// - Parameter isAtRest: the load rested at each look, so that even what malloc has given out must be as it was.
    func judge(_ report: inout FaultReport, isAtRest: Bool = false) {
        // The first quarter warms up: pools, spare threads, the allocator; half, where servers of many sizes come and go in
        // malloc's arenas, each of which grows to its own most.
        let warm = Array(samples.dropFirst(max(1, samples.count / (isAtRest ? 2 : 4))))
        guard let first = warm.first, let last = warm.last, warm.count >= 2 else { return }
        let newThreads = Double((warm.map(\.gauges.threads).max() ?? 0) - first.gauges.threads)
        // One backlog, on a machine that stops the workers for a moment, raises the pools once and for all: their growth
        // has a bound of its own.
        let growth = last.gauges.otherMiB - first.gauges.otherMiB
        let pooled = last.gauges.pooledMiB - first.gauges.pooledMiB
        report.measure("rss_growth_mib", last.gauges.residentMiB - first.gauges.residentMiB)
        report.measure("pools_growth_mib", pooled)
        if isAtRest {
            let heap = last.gauges.heapMiB - first.gauges.heapMiB
            report.measure("heap_growth_mib", heap)
            let slack = max(0.5, first.gauges.heapMiB * 0.02) + newThreads * Self.carriersMiB
            report.expect(heap <= slack, "the heap in use grew by \(heap) MiB")
        }
        report.measure("other_slope_mib_per_h", Self.slope(warm) * 3_600)
        report.measure("other_slope_second_half_mib_per_h", Self.slope(warm.suffix(warm.count / 2 + 1)) * 3_600)
        report.measure("hours_judged", (last.seconds - first.seconds) / 3_600)
        report.measure(
            "throughput_drift_percent", (last.operationsPerSecond / first.operationsPerSecond - 1) * 100)
        // Flat: 5 % or 2 MiB for what the allocator does by chance.
        let slack = max(2, first.gauges.residentMiB * 0.05) + (isAtRest ? newThreads * Self.arenaMiB : 0)
        report.expect(growth <= slack, "memory outside the pools grew by \(growth) MiB")
        report.expect(pooled <= Self.poolsGrowthMax, "the pools grew by \(pooled) MiB")
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

/// How long a soak lasts and how often it reports.
public struct SoakPlan: Sendable {
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
