// SPDX-License-Identifier: Apache-2.0
// Commands about messages: crashes, order, late replies, overload, slow consumers.

import ArgumentParser
import MartletFaults

struct CrashLoopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "crash-loop", abstract: "F1: handlers that throw.")

    @Option(help: "Crashes.")
    var count = 1_000_000

    func run() async throws { try finish(await CrashLoop.run(count: count)) }
}

struct OrderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "order", abstract: "F7: order, loss, duplication.")

    @Option(help: "Messages.")
    var count = 10_000_000

    func run() async throws { try finish(await OrderFlood.run(count: count)) }
}

struct LateRepliesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "late-replies", abstract: "F9: replies that race with their timeout.")

    @Option(help: "Calls.")
    var count = 1_000_000

    func run() async throws { try finish(await LateReplies.run(count: count)) }
}

struct OverloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overload", abstract: "F13: ten times too much, for each way to overflow.")

    @Option(help: "Seconds for each.")
    var seconds = 10.0

    func run() async throws {
        var reports: [FaultReport] = []
        for policy in Overload.Policy.allCases {
            reports.append(await Overload.run(policy, for: .seconds(seconds), isAlone: true))
            print("overload: \(policy)")
            print(reports[reports.count - 1].json)
        }
        if reports.contains(where: { !$0.violations.isEmpty }) { throw ExitCode(1) }
    }
}

struct SlowConsumerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slow-consumer", abstract: "F14: expired calls, kill and exit behind a long queue.")

    @Option(help: "Calls that expire in the queue.")
    var calls = 10_000

    @Option(help: "Messages behind which the kill comes.")
    var queued = 1_000_000

    func run() async throws { try finish(await SlowConsumer.run(calls: calls, queued: queued)) }
}
