// SPDX-License-Identifier: Apache-2.0
// The result of a run as data. The property names of the coding keys are the file format of `--json`.

/// Everything that `--json` writes.
package struct BenchmarkReport: Codable, Sendable {
    package var machine: Machine
    package var results: [BenchmarkResult]

    package init(machine: Machine, results: [BenchmarkResult]) {
        self.machine = machine
        self.results = results
    }
}

/// One variant's answer to one workload: the medians over its rounds.
package struct BenchmarkResult: Codable, Sendable {
    package var workload: String
    package var parameters: [String: ParameterValue]
    package var variant: String
    /// Operations of one round.
    package var operations: Int
    /// The median round.
    package var seconds: Double
    package var nsPerOp: Double
    package var roundsNsPerOp: [Double]
    /// Over the samples of all rounds; null where nothing is sampled.
    package var p50Ns: UInt64?
    package var p99Ns: UInt64?
    package var p999Ns: UInt64?
    /// The greatest of the rounds.
    ///
    /// Of a process of its own where `Workload.isIsolated`, else of the benchmark during the run.
    package var peakRSSBytes: UInt64
    /// The medians of the workload's further figures.
    package var extra: [String: Double]

    enum CodingKeys: String, CodingKey {
        case workload, parameters, variant, operations, seconds, extra
        case nsPerOp = "ns_per_op"
        case roundsNsPerOp = "rounds_ns_per_op"
        case p50Ns = "p50_ns"
        case p99Ns = "p99_ns"
        case p999Ns = "p999_ns"
        case peakRSSBytes = "peak_rss_bytes"
    }
}

extension BenchmarkResult {
    /// Sums up the rounds of one variant.
    ///
    /// Nil without a round.
    package init?(_ workload: Workload, variant: String, rounds: [RoundResult]) {
        guard let last = rounds.last,
            let nsPerOp = Statistics.median(rounds.map(\.outcome.nanosecondsPerOperation)),
            let nanoseconds = Statistics.median(rounds.map { Double($0.outcome.nanoseconds) })
        else { return nil }
        let percentiles = Percentiles(rounds.flatMap(\.outcome.latencies))
        var extra: [String: Double] = [:]
        for name in last.outcome.extra.keys {
            extra[name] = Statistics.median(rounds.compactMap { $0.outcome.extra[name] })
        }
        self.init(
            workload: workload.name, parameters: workload.parameters, variant: variant,
            operations: last.outcome.operations, seconds: nanoseconds / 1e9, nsPerOp: nsPerOp,
            roundsNsPerOp: rounds.map(\.outcome.nanosecondsPerOperation),
            p50Ns: percentiles?.p50, p99Ns: percentiles?.p99, p999Ns: percentiles?.p999,
            peakRSSBytes: rounds.map(\.peakRSSBytes).max() ?? 0, extra: extra)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(workload, forKey: .workload)
        try container.encode(parameters, forKey: .parameters)
        try container.encode(variant, forKey: .variant)
        try container.encode(operations, forKey: .operations)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(nsPerOp, forKey: .nsPerOp)
        try container.encode(roundsNsPerOp, forKey: .roundsNsPerOp)
        // Written as null when there is none, so that every result has every key.
        try container.encode(p50Ns, forKey: .p50Ns)
        try container.encode(p99Ns, forKey: .p99Ns)
        try container.encode(p999Ns, forKey: .p999Ns)
        try container.encode(peakRSSBytes, forKey: .peakRSSBytes)
        try container.encode(extra, forKey: .extra)
    }
}

/// One round: what the trial found, and the memory it took.
///
/// A child process answers with this.
package struct RoundResult: Codable, Sendable {
    package var outcome: Outcome
    package var peakRSSBytes: UInt64

    package init(outcome: Outcome, peakRSSBytes: UInt64) {
        self.outcome = outcome
        self.peakRSSBytes = peakRSSBytes
    }
}
