// SPDX-License-Identifier: Apache-2.0
// Commands about time: timers, a wall clock that jumps, a storm of timers.

import ArgumentParser
import Foundation
import MartletFaults

struct TimersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "timers", abstract: "F10: each timer has one fate.")

    @Option(help: "Timers.")
    var count = 1_000_000

    func run() async throws { try finish(await TimerFates.run(count: count)) }
}

struct ClockJumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock-jump",
        abstract: "F11: timers while the wall clock jumps; under faketime (Scripts/faults/clock-jump.sh).")

    @Option(help: "Timers.")
    var count = 50_000

    @Option(help: "A file whose content faketime reads; offsets are written to it while timers run.")
    var control: String

    func run() async throws {
        let control = control
        let watcher = Task.detached { await onOwnThread { Self.jump(control) } }
        var report = await TimerFates.run(count: count, spread: .seconds(3), id: "F11")
        let jumps = await watcher.value
        report.measure("jumps_seen", jumps)
        report.expect(jumps >= 4, "the wall clock did not jump: is this run under faketime?")
        try finish(report)
    }

    /// Writes offsets and counts the jumps of the wall clock that this process saw.
    private static func jump(_ control: String) -> Int {
        var jumps = 0
        for offset in ["-10d", "+10y", "-10d", "+0"] {
            let before = Date()
            try? Data(offset.utf8).write(to: URL(fileURLWithPath: control))
            usleep(400_000)
            if abs(Date().timeIntervalSince(before)) > 3_600 { jumps += 1 }
        }
        return jumps
    }
}

struct TimerStormCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timer-storm", abstract: "F12: all timers in one tick, and the calls beside them.")

    @Option(help: "Timers.")
    var count = 1_000_000

    @Option(help: "Servers that they are spread over.")
    var servers = 1_000

    @Option(help: "Seconds in which to arm them.")
    var lead = 5

    func run() async throws {
        try finish(await TimerStorm.run(count: count, servers: servers, lead: .seconds(lead)))
    }
}
