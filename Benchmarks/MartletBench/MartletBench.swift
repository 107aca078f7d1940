// SPDX-License-Identifier: Apache-2.0
// martlet-bench: how fast Martlet is, beside what one would use without it, on this machine.

import ArgumentParser
import Foundation
import MartletBenchCore

@main
struct MartletBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet-bench",
        abstract: "Measures Martlet and its baselines.",
        discussion: """
            Every variant runs the same workloads through the same driver; rounds of the variants alternate and the median is \
            reported. A run whose counters are wrong is reported as a failure and makes the exit status 1.
            """)

    @Option(name: .long, help: ArgumentHelp("Write the results as JSON.", valueName: "file"))
    var json: String?

    @Option(name: .long, help: ArgumentHelp("Draw the results as SVG.", valueName: "file.svg"))
    var plot: String?

    @Flag(name: .long, help: "List workloads and variants, and who skips what; run nothing.")
    var list = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Run only this workload (call), workload with parameters (call/clients=8) or variant (baseline.actor). May be repeated.",
            valueName: "name"))
    var only: [String] = []

    @Flag(name: .long, help: "Fewer and shorter rounds, smaller counts: under a minute.")
    var quick = false

    @Option(name: .long, help: .hidden)
    var isolatedRun: String?

    @Option(name: .long, help: .hidden)
    var isolatedVariant: String?

    @Option(name: .long, help: .hidden)
    var isolatedOperations: Int?

    func validate() throws {
        _ = try selection()
        for path in [json, plot].compactMap({ $0 }) { try OutputFile.check(path) }
        if let plot, !plot.hasSuffix(".svg") {
            throw ValidationError("--plot draws SVG: '\(plot)' does not end in .svg")
        }
    }

    func run() async throws {
        if let isolatedRun { return try await answerParent(isolatedRun) }
        let selection = try selection()
        if list { return print(Listing.text(selection)) }
        let environment = LocalEnvironment()
        let report = await Driver(effort: quick ? .quick : .full, environment: environment).run(selection)
        environment.finishProgress()
        try write(report, selection)
        if !report.failures.isEmpty { throw ExitCode(1) }
    }

    private func selection() throws -> Selection {
        do {
            return try Selection(only: only, workloads: Workload.catalogue(quick: quick), variants: Variants.all)
        } catch {
            throw ValidationError(error.description)
        }
    }

    private func write(_ report: DriverReport, _ selection: Selection) throws {
        print(TableReport.text(report.results, catalogue: selection.workloads))
        for skip in report.skipped { print("skipped: \(skip.workload.id) by \(skip.variant): \(skip.reason)") }
        for failure in report.failures {
            let line = "FAILED: \(failure.workload.id) by \(failure.variant): \(failure.error)\n"
            FileHandle.standardError.write(Data(line.utf8))
        }
        let full = BenchmarkReport(machine: .this, results: report.results)
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(full).write(to: URL(fileURLWithPath: json))
        }
        if let plot {
            let svg = SVGPlot.svg(full, catalogue: selection.workloads)
            try Data(svg.utf8).write(to: URL(fileURLWithPath: plot))
        }
    }

    /// The child's side of an isolated round.
    ///
    /// Workloads of both catalogues are known to it.
    private func answerParent(_ id: String) async throws {
        let workloads = Workload.catalogue(quick: true) + Workload.catalogue(quick: false)
        guard let workload = workloads.first(where: { $0.id == id }),
            let variant = Variants.all.first(where: { $0.name == isolatedVariant }),
            let operations = isolatedOperations, operations > 0
        else { throw ValidationError("--isolated-run is for martlet-bench itself") }
        try await ChildProcess.answer(workload: workload, variant: variant, operations: operations)
    }
}

/// Checks a path before a run of minutes, not after it.
private enum OutputFile {
    static func check(_ path: String) throws {
        let files = FileManager.default
        let url = URL(fileURLWithPath: path)
        let directory = url.deletingLastPathComponent().path
        if files.fileExists(atPath: path) {
            let isDirectory = try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory
            if isDirectory == true { throw ValidationError("'\(path)' is a directory") }
            if !files.isWritableFile(atPath: path) { throw ValidationError("'\(path)' cannot be written") }
        } else if !files.isWritableFile(atPath: directory) {
            throw ValidationError("'\(path)' cannot be written: no such directory, or no permission")
        }
    }
}

extension Machine {
    /// Where this program runs.
    fileprivate static var this: Machine {
        Machine(
            cpuinfo: contents("/proc/cpuinfo"), meminfo: contents("/proc/meminfo"),
            cores: ProcessInfo.processInfo.activeProcessorCount,
            kernel: contents("/proc/sys/kernel/osrelease").trimmingCharacters(in: .whitespacesAndNewlines),
            swift: compiler, date: Date().formatted(.iso8601))
    }

    private static func contents(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
