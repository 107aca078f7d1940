// SPDX-License-Identifier: Apache-2.0
// Runs variants against workloads: the one driver for all of them.
//
//      for each workload
//          each variant: warm up, and choose a count that fills a round     (free counts only)
//          round 1 of each variant, round 2 of each variant, ...            (so that drift of the machine hits all alike)
//          a result for each variant: the medians
//
// A wrong result ends the variant's part in that workload and is reported as a failure; the others go on.

/// What the driver needs from the world.
package protocol DriverEnvironment: Sendable {
    /// Runs a trial here, and says how much memory the process had at most meanwhile.
    func runHere(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult
    /// Runs a trial in a process of its own.
    func runIsolated(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult
    /// Shows what is being done.
    func progress(_ progress: DriverProgress)
}

/// Where a run of the driver is.
package struct DriverProgress: Sendable {
    /// Workloads finished, of so many.
    package var workloadsDone: Int
    package var workloadsTotal: Int
    package var workload: Workload
    package var variant: String
    /// 0 while warming up.
    package var round: Int
    package var rounds: Int

    /// One line for a terminal.
    package var line: String {
        let phase = round == 0 ? "warming up" : "round \(round)/\(rounds)"
        return "[\(workloadsDone + 1)/\(workloadsTotal)] \(workload.id) \(variant) \(phase)"
    }
}

/// What a run of the driver produced.
package struct DriverReport: Sendable {
    package var results: [BenchmarkResult] = []
    /// Workload, variant and reason of what was not done, by intention.
    package var skipped: [(workload: Workload, variant: String, reason: String)] = []
    /// Workload, variant and error of what went wrong.
    package var failures: [(workload: Workload, variant: String, error: String)] = []
}

package struct Driver<Environment: DriverEnvironment>: Sendable {
    private let effort: Effort
    private let environment: Environment

    package init(effort: Effort, environment: Environment) {
        self.effort = effort
        self.environment = environment
    }

    package func run(_ selection: Selection) async -> DriverReport {
        var report = DriverReport()
        for (index, workload) in selection.workloads.enumerated() {
            let progress = DriverProgress(
                workloadsDone: index, workloadsTotal: selection.workloads.count, workload: workload, variant: "",
                round: 0,
                rounds: effort.rounds(of: workload))
            await run(workload, selection.variants, progress, into: &report)
        }
        return report
    }

    private func run(
        _ workload: Workload, _ variants: [any Variant], _ progress: DriverProgress, into report: inout DriverReport
    ) async {
        var progress = progress
        var entries: [Entry] = []
        for variant in variants {
            if case .skipped(let reason) = variant.trial(of: workload) {
                report.skipped.append((workload, variant.name, reason))
                continue
            }
            progress.variant = variant.name
            environment.progress(progress)
            var entry = Entry(variant: variant)
            await entry.attempt { entry in
                entry.operations = try await operations(of: workload, by: variant)
            }
            entries.append(entry)
        }
        for round in 1...progress.rounds {
            progress.round = round
            for index in entries.indices where entries[index].error == nil {
                progress.variant = entries[index].variant.name
                environment.progress(progress)
                await entries[index].attempt { entry in
                    let run = Run(operations: entry.operations)
                    entry.rounds.append(try await measure(run, of: workload, by: entry.variant))
                }
            }
        }
        for entry in entries {
            if let error = entry.error {
                report.failures.append((workload, entry.variant.name, error))
            } else if let result = BenchmarkResult(workload, variant: entry.variant.name, rounds: entry.rounds) {
                report.results.append(result)
            }
        }
    }

    /// Chooses the count of a round.
    ///
    /// The runs that find it out are the warm-up.
    private func operations(of workload: Workload, by variant: any Variant) async throws -> Int {
        if let fixed = workload.fixedOperations { return fixed }
        var calibration = Calibration(unit: workload.operationUnit, target: effort.roundTarget)
        var operations = workload.firstOperations
        while true {
            let measurement = try await measure(Run(operations: operations), of: workload, by: variant)
            switch calibration.next(operations: operations, nanoseconds: measurement.outcome.nanoseconds) {
            case .run(let more): operations = more
            case .settled(let count): return count
            }
        }
    }

    private func measure(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult {
        if workload.isIsolated { return try await environment.runIsolated(run, of: workload, by: variant) }
        return try await environment.runHere(run, of: workload, by: variant)
    }
}

/// One variant while its workload is being run.
private struct Entry {
    let variant: any Variant
    var operations = 0
    var rounds: [RoundResult] = []
    var error: String?

    /// Keeps the error instead of throwing it.
    mutating func attempt(_ body: (inout Entry) async throws -> Void) async {
        do {
            try await body(&self)
        } catch {
            self.error = "\(error)"
        }
    }
}
