// SPDX-License-Identifier: Apache-2.0
// What a report of a shutdown and the snapshots in it hold.

import Testing

@testable import Martlet

@Suite("ShutdownReport and ProcessStatus")
struct ShutdownReportTests {
    @Test("a report tells which processes were stuck, and what they were")
    func stuckProcess() {
        let status = ProcessStatus(
            pid: Pid(raw: 1), type: "Importer", label: "of May", name: "importer", activity: .runnable, mailboxCount: 3,
            mailboxAge: .seconds(2), links: [], monitoredBy: [], handled: 5, memory: 512, ancestors: [Pid(raw: 2)])
        let report = ShutdownReport(stuck: [status], duration: .seconds(10))
        #expect(report.stuck.first?.type == "Importer")
        #expect(report.stuck.first?.name == "importer")
        #expect(report.stuck.first?.mailboxCount == 3)
        #expect(report.stuck.first?.label == "of May")
        #expect(report.stuck.first?.ancestors == [Pid(raw: 2)])
        #expect(report.duration == .seconds(10))
    }
}
