// SPDX-License-Identifier: Apache-2.0
// The commands of F28.

import ArgumentParser
import Foundation
import MartletFaults

struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "F28: a mixed load with crashes; a line each minute, then the verdict.")

    @Option(help: "How long.")
    var minutes: Double = 1

    func validate() throws {
        guard minutes > 0 else { throw ValidationError("--minutes is above 0") }
    }

    func run() async throws {
        try finish(await Soak.run(SoakPlan(minutes: minutes), isAlone: true, report: printNow))
    }
}

struct TreeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree", abstract: "F28: a supervision tree that crashes all the time; a line each minute.")

    @Option(help: "How long.")
    var minutes: Double = 1

    @Option(help: "Servers that are restarted for ever.")
    var residents = 10_000

    @Option(help: "Of what happens to whom.")
    var seed: UInt64 = 1

    func validate() throws {
        guard minutes > 0 else { throw ValidationError("--minutes is above 0") }
        guard residents > 0 else { throw ValidationError("--residents is above 0") }
    }

    func run() async throws {
        let plan = SoakPlan(minutes: minutes)
        try finish(
            await TreeSoak.run(plan, residents: residents, seed: seed, isAlone: true, report: printNow))
    }
}

/// A line that is seen while the soak goes on.
private func printNow(_ line: String) {
    print(line)
    fflush(nil)
}
