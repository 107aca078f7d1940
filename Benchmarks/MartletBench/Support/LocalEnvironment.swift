// SPDX-License-Identifier: Apache-2.0
// The driver's environment on a real machine: trials here or in a child process, progress on the terminal.

import Foundation
import MartletBenchCore

struct LocalEnvironment: DriverEnvironment {
    let showsProgress: Bool

    init() {
        showsProgress = isatty(STDERR_FILENO) == 1
    }

    func runHere(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult {
        guard case .run(let body) = variant.trial(of: workload) else {
            throw WrongResult("\(variant.name) does not do \(workload.id)")
        }
        ResidentMemory.resetPeak()
        let watchdog = Watchdog("\(workload.id) by \(variant.name)")
        defer { watchdog.stop() }
        let outcome = try await body(run)
        return RoundResult(outcome: outcome, peakRSSBytes: ResidentMemory.peak)
    }

    func runIsolated(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult {
        try await ChildProcess.measure(run, of: workload, by: variant)
    }

    func progress(_ progress: DriverProgress) {
        if showsProgress { write("\r\u{1B}[2K" + progress.line) }
    }

    /// Wipes the progress line.
    func finishProgress() {
        if showsProgress { write("\r\u{1B}[2K") }
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
