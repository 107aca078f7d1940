// SPDX-License-Identifier: Apache-2.0
// Commands about the system: limits, descriptors, signals, fork.

import ArgumentParser
import MartletFaults

struct LimitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "limits", abstract: "F19: limits are errors.")

    @Option(help: "Live processes allowed.")
    var processes = 100_000

    func run() async throws { try finish(await Limits.run(processes: processes)) }
}

struct DescriptorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "descriptors", abstract: "F20: no descriptor left; run it under a low limit (ulimit -n 64).")

    func run() async throws { try finish(await Descriptors.run()) }
}

struct SignalsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "signals", abstract: "F22: a storm of signals.")

    @Option(help: "Signals a second.")
    var rate = 10_000

    @Option(help: "Seconds.")
    var seconds = 10.0

    func run() async throws { try finish(await SignalStorm.run(rate: rate, for: .seconds(seconds))) }
}

struct ForkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fork", abstract: "F22: what a child of fork may not do, and that it is told.")

    func run() async throws {
        var isFine = true
        for use in ForkChild.Use.allCases {
            let report = await ForkChild.run(use)
            print("fork: \(use)")
            print(report.json)
            isFine = isFine && report.violations.isEmpty
        }
        if !isFine { throw ExitCode(1) }
    }
}
