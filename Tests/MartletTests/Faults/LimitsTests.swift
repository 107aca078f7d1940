// SPDX-License-Identifier: Apache-2.0
// F19, what a configuration limits; memory: RefusedMemoryTests.swift, allocation_sweep_check.c.

import MartletFaults
import Testing

@Suite("F19: limits", .tags(.stress), .timeLimit(.minutes(2)))
struct LimitsTests {
    @Test("F19: a process over the limit is an error, and there is room again when one has ended")
    func limits() async { expectNoViolation(await Limits.run(processes: 200)) }
}
