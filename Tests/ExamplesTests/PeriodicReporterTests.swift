// SPDX-License-Identifier: Apache-2.0
// Reports come with time, not early, and end with the server.

import Martlet
import Testing

@testable import Examples

@Suite("PeriodicReporterExample")
struct PeriodicReporterExampleTests {
    @Test("one report every five seconds, none early")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            _ = try await reporterTour(output: lines.output)
            test.advance(.seconds(4))
            #expect(lines.all.isEmpty)
            test.advance(.seconds(1))
            #expect(lines.all == ["Report #0"])
            test.advance(.seconds(10))
            #expect(lines.all == ["Report #0", "Report #1", "Report #2"])
        }
    }

    @Test("a minute is twelve reports")
    func minute() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            _ = try await reporterTour(output: lines.output)
            test.advance(.seconds(60))
            #expect(lines.all == (0..<12).map { "Report #\($0)" })
        }
    }

    @Test("a message of a stranger is no report and disturbs none")
    func stranger() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            let reporter = try await reporterTour(output: lines.output)
            test.advance(.seconds(3))
            reporter.pid.send(any: "hello")
            test.advance(.seconds(2))
            #expect(lines.all == ["Report #0"])
        }
    }

    @Test("the timer ends with the reporter")
    func stopped() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            let reporter = try await reporterTour(output: lines.output)
            test.advance(.seconds(5))
            try await reporter.stop()
            #expect(test.runtime.statistics.timers == 0)
            test.advance(.seconds(60))
            #expect(lines.all == ["Report #0"])
        }
    }
}
