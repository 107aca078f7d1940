// SPDX-License-Identifier: Apache-2.0
// F28 for a moment: that the soak itself works; the soak: make soak MINUTES=n.

import MartletFaults
import Testing

@Suite("F28: soak", .tags(.stress), .timeLimit(.minutes(2)))
struct SoakTests {
    @Test("F28: a second of mixed load ends with equal counters, and reports what it did")
    func soak() async {
        var lines: [String] = []
        let report = await Soak.run(Soak.Plan(minutes: 1.0 / 60)) { lines.append($0) }
        expectNoViolation(report)
        #expect(lines.count >= 1 && lines.allSatisfy { $0.contains("\"violations\":0") }, "\(lines)")
    }
}
