// SPDX-License-Identifier: Apache-2.0
// martlet-soak: the fault figures of the trust contract at full size, a command each, and the soak.

import ArgumentParser
import Foundation
import MartletFaults

@main
struct MartletSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet-soak",
        abstract: "Faults on purpose, and the account of them.",
        discussion: """
            Every command prints lines of JSON. The exit status is 1 when a counter is not what it must be; figures of time \
            are printed and never judged. The figures are those of Documentation/Trust.md.
            """,
        subcommands: [
            SoakCommand.self, TreeCommand.self, CrashLoopCommand.self, OrderCommand.self, LateRepliesCommand.self,
            TimersCommand.self,
            ClockJumpCommand.self, TimerStormCommand.self, OverloadCommand.self, SlowConsumerCommand.self,
            BlockedWorkersCommand.self, StarvationCommand.self, EndlessHandlerCommand.self, LimitsCommand.self,
            DescriptorsCommand.self, SignalsCommand.self, ForkCommand.self,
        ])

    /// The arguments, from MARTLET_SOAK where there are none.
    ///
    /// Swift finds them beside the environment, and a preloaded library that moves the environment (faketime) hides them.
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let instead = ProcessInfo.processInfo.environment["MARTLET_SOAK"] ?? ""
        await main(arguments.isEmpty ? instead.split(separator: " ").map(String.init) : arguments)
    }
}

extension AsyncParsableCommand {
    /// Prints the report, and ends with status 1 if it has violations.
    func finish(_ reports: FaultReport...) throws {
        for report in reports { print(report.json) }
        if reports.contains(where: { !$0.violations.isEmpty }) { throw ExitCode(1) }
    }
}
