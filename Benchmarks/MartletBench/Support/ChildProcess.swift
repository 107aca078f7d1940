// SPDX-License-Identifier: Apache-2.0
// One round in a process of its own: the same program, asked for one trial, answers with a RoundResult in JSON.

import Foundation
import MartletBenchCore

enum ChildProcess {
    /// Runs the round in a child.
    ///
    /// The child's watchdog bounds the wait.
    static func measure(_ run: Run, of workload: Workload, by variant: any Variant) async throws -> RoundResult {
        let arguments = [
            "--isolated-run", workload.id, "--isolated-variant", variant.name,
            "--isolated-operations", String(run.operations),
        ]
        // On a thread: waiting would block one of the pool's.
        let finished = try await Clients.threads(1) { _ in try answer(to: arguments) }
        guard let answer = finished.values.first else { throw WrongResult("the child process gave no answer") }
        return try JSONDecoder().decode(RoundResult.self, from: answer)
    }

    private static func answer(to arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let how = process.terminationReason == .exit ? "status" : "signal"
            throw WrongResult("the child process ended with \(how) \(process.terminationStatus)")
        }
        return data
    }

    /// The child's side: one trial, its measurement on standard output.
    static func answer(workload: Workload, variant: any Variant, operations: Int) async throws {
        let run = Run(operations: operations)
        let measurement = try await LocalEnvironment().runHere(run, of: workload, by: variant)
        FileHandle.standardOutput.write(try JSONEncoder().encode(measurement))
    }
}
