// SPDX-License-Identifier: Apache-2.0
// Pattern 3: messages that are neither call nor cast. A timer sends one at a fixed rate, so the reports do not drift by
// the time that reporting takes, as they would if each report armed the next.
//
// See it run, in virtual time: swift test --filter PeriodicReporterExample

import Martlet

struct PeriodicReporter: GenServer {
    enum Message { case report }
    struct Settings {
        var interval: Duration
        var output: Output = terminal
    }

    private let output: Output
    private var count = 0

    /// The timer belongs to the server and ends with it.
    init(_ settings: Settings) {
        output = settings.output
        Self.current.sendInterval(settings.interval, .report)
    }

    mutating func handleInfo(_ info: Info<Message>) -> Next {
        switch info {
        case .message(.report):
            output("Report #\(count)")
            count += 1
        case .timeout, .exit, .down, .unexpected:
            break  // idle timeouts, ends of other processes, untyped messages: this server asks for none
        }
        return .wait
    }
}

func reporterTour(
    every interval: Duration = .seconds(5), output: @escaping Output = terminal
) async throws -> PeriodicReporter.Ref {
    // Every 5 seconds: Report #0, Report #1, Report #2, until it is stopped.
    try await PeriodicReporter.start(.init(interval: interval, output: output))
}
