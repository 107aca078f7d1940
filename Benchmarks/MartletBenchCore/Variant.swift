// SPDX-License-Identifier: Apache-2.0
// Who is measured: the seam between the driver and what it compares.
//
// A variant answers each workload with a trial, or says why it has none. A trial makes a fresh set-up, does the
// operations between two clock reads of its own, checks the final counters and tears everything down. Its file usually
// implements the small protocols of MartletBench/Workloads and hands them to the shared drives, so that every variant
// is timed, sampled and checked by the same code.

/// One competitor.
package protocol Variant: Sendable {
    /// The name in reports and in `--only`, such as `baseline.actor`.
    var name: String { get }

    /// How this variant does `workload`.
    func trial(of workload: Workload) -> Trial
}

/// A variant's answer to a workload.
package enum Trial: Sendable {
    /// One complete run: set up, measure, verify, tear down. Throws when the result is wrong.
    case run(@Sendable (Run) async throws -> Outcome)
    /// Not done, with the reason for the reader.
    case skipped(String)
}

/// What a trial is asked for.
package struct Run: Sendable {
    /// How many operations; a multiple of the workload's `operationUnit`.
    package let operations: Int
    /// Every that many operations one is timed.
    package let samplingInterval: Int

    package init(operations: Int, samplingInterval: Int = LatencySampler.defaultInterval) {
        self.operations = operations
        self.samplingInterval = samplingInterval
    }

    /// A sampler for one of `owners` clients that share the operations.
    package func sampler(owners: Int = 1) -> LatencySampler {
        LatencySampler(interval: samplingInterval, expectedOperations: operations / max(owners, 1))
    }
}

/// What a trial found.
package struct Outcome: Codable, Sendable {
    package var operations: Int
    /// From the first operation to the last effect.
    package var nanoseconds: UInt64
    /// Sampled latencies, in nanoseconds; empty where the workload has none.
    package var latencies: [UInt64]
    /// The figure of the workload where it is not time by operations (the mean lateness of timers).
    package var figure: Double?
    /// Further figures by name, such as `bytes_each`.
    package var extra: [String: Double]

    package init(
        operations: Int, nanoseconds: UInt64, latencies: [UInt64] = [], figure: Double? = nil,
        extra: [String: Double] = [:]
    ) {
        self.operations = operations
        self.nanoseconds = nanoseconds
        self.latencies = latencies
        self.figure = figure
        self.extra = extra
    }

    package var nanosecondsPerOperation: Double {
        figure ?? Double(nanoseconds) / Double(max(operations, 1))
    }
}

/// A run that ended with the wrong result: the figure is worthless and the driver says so.
package struct WrongResult: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// Throws unless `actual` is `expected`.
    package static func unless<Value: Equatable>(_ actual: Value, is expected: Value, _ what: String) throws {
        if actual != expected { throw WrongResult("\(what): expected \(expected), got \(actual)") }
    }
}
