// SPDX-License-Identifier: Apache-2.0
// F28 for a moment: that the soak itself works; the soak: make soak MINUTES=n.

import MartletFaults
import Testing

@Suite("F28: soak", .tags(.stress), .timeLimit(.minutes(5)))
struct SoakTests {
    @Test("F28: a second of mixed load ends with equal counters, and reports what it did")
    func soak() async {
        var lines: [String] = []
        let report = await Soak.run(SoakPlan(minutes: 1.0 / 60), isAlone: false) { lines.append($0) }
        expectNoViolation(report)
        #expect(lines.count >= 1 && lines.allSatisfy { $0.contains("\"violations\":0") }, "\(lines)")
    }
    @Test("F28: a tree that crashes for a second is whole again, and its supervisors count exactly")
    func tree() async {
        var lines: [String] = []
        let plan = SoakPlan(minutes: 1.0 / 60)
        let report = await TreeSoak.run(plan, residents: 200, isAlone: false) { lines.append($0) }
        expectNoViolation(report)
        #expect(lines.count >= 1 && lines.allSatisfy { $0.contains("\"ok\":true") }, "\(lines)")
    }
}
