// SPDX-License-Identifier: Apache-2.0
// A runtime for one scenario, and the account at its end (F8): every scenario ends with nothing left.

import Martlet

/// Runs `body` with a runtime of its own as the current one, shuts it down, and adds the account of it to the report.
///
/// - Parameters:
///   - id: the figure it shows.
///   - configure: changes to the default configuration.
///   - body: the scenario; what it throws is a violation.
/// - Returns: the report, the account included.
public func withFaultRuntime(
    _ id: String, configure: (inout Runtime.Configuration) -> Void = { _ in },
    _ body: (Runtime, inout FaultReport) async throws -> Void
) async -> FaultReport {
    var configuration = Runtime.Configuration()
    configure(&configuration)
    let runtime = Runtime(configuration)
    var report = FaultReport(id)
    do {
        try await runtime.withCurrent { try await body(runtime, &report) }
    } catch {
        report.expect(false, "threw \(error)")
    }
    let end = await runtime.shutdown(deadline: .seconds(60))
    report.expect(end.stuck.isEmpty, "stuck at the end: \(end.stuck.map(\.type))")
    report.expectConservation(runtime.statistics)
    return report
}

extension FaultReport {
    /// F8 and D9: what was sent was handled, refused or discarded, and nothing is left.
    mutating func expectConservation(_ statistics: RuntimeStatistics) {
        let ended = statistics.handled + statistics.refused + statistics.discarded
        expectEqual(statistics.sent, ended, "sent = handled + refused + discarded (\(statistics))")
        expectEqual(statistics.processes, 0, "processes left")
        expectEqual(statistics.spawns, statistics.exits, "spawns = exits")
        expectEqual(statistics.timers, 0, "timers left")
        measure("messages", Int(statistics.sent))
    }
}
