// SPDX-License-Identifier: Apache-2.0
// What a scenario reports, and that a scenario which finds something fails.

import Martlet
import MartletFaults
import Testing

/// Every violation of a report is an issue.
func expectNoViolation(_ report: FaultReport, sourceLocation: SourceLocation = #_sourceLocation) {
    for violation in report.violations { Issue.record("\(report.id): \(violation)", sourceLocation: sourceLocation) }
}

@Suite("Faults: report", .tags(.unit))
struct FaultReportTests {
    @Test("a report is one line of JSON, its figures in order, its violations last")
    func json() {
        var report = FaultReport("F0")
        report.measure("count", 3)
        report.measure("ms", 0.25)
        #expect(report.json == #"{"id":"F0","ok":true,"count":3,"ms":0.250}"#)
        report.expectEqual(1, 2, "a \"number\"")
        #expect(report.json.hasSuffix(#""violations":["a \"number\": expected 2, got 1"]}"#), "\(report.json)")
        #expect(report.json.contains(#""ok":false"#))
    }

    @Test("what a scenario throws, and a process that it leaves stuck, are violations")
    func violations() async {
        struct Oops: Error {}
        let thrown = await withFaultRuntime("F0") { _, _ in throw Oops() }
        #expect(thrown.violations.count == 1)
        let fine = await withFaultRuntime("F0") { _, _ in }
        #expect(fine.violations.isEmpty)
    }
}
