// SPDX-License-Identifier: Apache-2.0
// Commands about threads: blocked, starved and endless handlers.

import ArgumentParser
import MartletFaults

struct BlockedWorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blocked-workers", abstract: "F16: handlers that sleep, on every worker and more.")

    @Option(help: "Seconds that they sleep.")
    var seconds = 10.0

    @Option(help: "Handlers that sleep.")
    var blocked = 8

    @ArgumentParser.Flag(help: "They say so, with Runtime.blocking.")
    var politely = false

    func run() async throws {
        try finish(await BlockedWorkers.run(blocked: blocked, politely: politely, for: .seconds(seconds)))
    }
}

struct StarvationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starvation", abstract: "F17: hot servers beside quiet ones.")

    @Option(help: "Seconds.")
    var seconds = 5.0

    func run() async throws { try finish(await Starvation.run(for: .seconds(seconds))) }
}

struct EndlessHandlerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endless-handler", abstract: "F18: handlers that never end, killed.")

    @Option(help: "Handlers.")
    var count = 1_000

    func run() async throws { try finish(await EndlessHandler.run(count: count)) }
}
