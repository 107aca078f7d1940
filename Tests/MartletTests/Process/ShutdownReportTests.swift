// SPDX-License-Identifier: Apache-2.0
// What a report of a shutdown and the snapshots in it hold.

import Testing

@testable import Martlet

@Suite("ShutdownReport and ProcessStatus")
struct ShutdownReportTests {
    @Test("a report tells which processes were stuck, and what they were")
    func stuckProcess() {
        let status = ProcessStatus(
            pid: Pid(raw: 1), type: "Importer", name: "importer", activity: .runnable, mailboxCount: 3,
            parent: Pid(raw: 2))
        let report = ShutdownReport(stuck: [status], duration: .seconds(10))
        #expect(report.stuck.first?.type == "Importer")
        #expect(report.stuck.first?.name == "importer")
        #expect(report.stuck.first?.mailboxCount == 3)
        #expect(report.stuck.first?.parent == Pid(raw: 2))
        #expect(report.duration == .seconds(10))
    }
}
