// SPDX-License-Identifier: Apache-2.0
// The command of F28.

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
        let report = await Soak.run(Soak.Plan(minutes: minutes)) { line in
            print(line)
            fflush(nil)
        }
        try finish(report)
    }
}
