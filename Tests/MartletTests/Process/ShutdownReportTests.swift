// SPDX-License-Identifier: Apache-2.0
// What a report of a shutdown and the snapshots in it hold.

import Testing

@testable import Martlet

@Suite("ShutdownReport and ProcessStatus")
struct ShutdownReportTests {
    @Test("a report tells which processes were stuck, and in what")
    func stuckProcess() {
        let status = ProcessStatus(
            pid: Pid(raw: 1), type: "Importer", label: nil, name: "importer",
            activity: .running("Importer.Call", .seconds(12)), mailboxCount: 3, mailboxAge: .seconds(11),
            links: [Pid(raw: 2)], monitoredBy: [], handled: 40, memory: 1_024, ancestors: [Pid(raw: 2)])
        let report = ShutdownReport(stuck: [status], duration: .seconds(10))
        guard case .running(let message, let time)? = report.stuck.first?.activity else {
            Issue.record("expected a running process")
            return
        }
        #expect(message == "Importer.Call")
        #expect(time == .seconds(12))
        #expect(report.duration == .seconds(10))
    }
}
