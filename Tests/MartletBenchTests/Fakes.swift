// SPDX-License-Identifier: Apache-2.0
// Variants without a clock, and an environment that writes down what the driver asked of it.

import MartletBenchCore
import Synchronization

/// Takes exactly `cost` nanoseconds an operation, where it does not skip or fail.
struct FakeVariant: Variant {
    let name: String
    var cost: UInt64 = 1000
    var skips: String?
    var fails = false

    func trial(of workload: Workload) -> Trial {
        if let skips { return .skipped(skips) }
        return .run { run in
            if fails { throw WrongResult("lost one") }
            return Outcome(
                operations: run.operations, nanoseconds: UInt64(run.operations) * cost, latencies: [cost, cost * 2],
                extra: ["bytes_each": 8])
        }
    }
}

/// Runs trials at once and keeps a record.
final class FakeEnvironment: DriverEnvironment {
    private let entries = Mutex<[String]>([])

    var record: [String] { entries.withLock { $0 } }

    func runHere(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult {
        try await measure(run, of: workload, by: variant, "here")
    }

    func runIsolated(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult {
        try await measure(run, of: workload, by: variant, "isolated")
    }

    func progress(_ progress: DriverProgress) {}

    private func measure(
        _ run: Run, of workload: Workload, by variant: any Variant, _ place: String
    ) async throws -> RoundResult {
        entries.withLock { $0.append("\(place) \(workload.name) \(variant.name) \(run.operations)") }
        guard case .run(let body) = variant.trial(of: workload) else { throw WrongResult("skipped") }
        return RoundResult(outcome: try await body(run), peakRSSBytes: 4096)
    }
}

extension BenchmarkResult {
    /// A result of `call` with one client.
    static func fake(_ variant: String, _ nsPerOp: Double, workload: Workload = .call(clients: 1)) -> BenchmarkResult? {
        let outcome = Outcome(operations: 10, nanoseconds: 10, latencies: [100, 200, 300], figure: nsPerOp)
        return BenchmarkResult(workload, variant: variant, rounds: [RoundResult(outcome: outcome, peakRSSBytes: 2048)])
    }
}

extension Machine {
    static let fake = Machine(
        cpuinfo: "processor\t: 0\nmodel name\t: Fast & Good\n", meminfo: "MemTotal:        2048 kB\n", cores: 2,
        kernel: "6.1", swift: "6.3", date: "2026-01-01T00:00:00Z")
}
