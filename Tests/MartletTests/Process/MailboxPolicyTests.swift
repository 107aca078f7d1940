// SPDX-License-Identifier: Apache-2.0
// The bounds a policy stores, and the traps on those that make no sense.

import Testing

@testable import Martlet

@Suite("MailboxPolicy")
struct MailboxPolicyTests {
    @Test("it is 9 bytes")
    func layout() {
        #expect(MemoryLayout<MailboxPolicy>.size == 9)
        #expect(MemoryLayout<MailboxPolicy.Overflow>.size == 1)
    }

    @Test("a bounded policy has a capacity and a rule, and no high-water mark")
    func bounded() {
        let policy = MailboxPolicy.bounded(8, whenFull: .dropOldest)
        #expect(policy.capacity == 8)
        #expect(policy._overflow == .dropOldest)
        #expect(policy.highWater == nil)
    }

    @Test("an unbounded policy has a high-water mark, 100,000 by default, and neither capacity nor rule")
    func unbounded() {
        for (policy, mark) in [
            (MailboxPolicy.unbounded, 100_000), (.unbounded(), 100_000), (.unbounded(highWater: 1), 1),
            (.unbounded(highWater: .max), .max),
        ] {
            #expect(policy.highWater == mark)
            #expect(policy.capacity == nil)
            #expect(policy._overflow == nil)
        }
    }

    @Test("the smallest and the largest capacity are taken")
    func extremes() {
        #expect(MailboxPolicy.bounded(1, whenFull: .reject).capacity == 1)
        #expect(MailboxPolicy.bounded(.max, whenFull: .reject).capacity == .max)
    }

    @Test("a capacity of 0 traps, and a debug build names the number and the caller's file")
    func zeroCapacityTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = MailboxPolicy.bounded(0, whenFull: .reject)
        }
        expectMessage(in: result, "expected a capacity of at least 1, got 0")
    }

    @Test("a negative capacity traps")
    func negativeCapacityTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = MailboxPolicy.bounded(-3, whenFull: .dropNewest)
        }
        expectMessage(in: result, "expected a capacity of at least 1, got -3")
    }

    @Test("a high-water mark of 0 traps")
    func zeroHighWaterTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = MailboxPolicy.unbounded(highWater: 0)
        }
        expectMessage(in: result, "expected a high-water mark of at least 1, got 0")
    }

    /// Optimised builds trap without a message.
    private func expectMessage(in result: ExitTest.Result?, _ message: String) {
        #if DEBUG
            let text = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
            #expect(text.contains(message))
            #expect(text.contains("MailboxPolicyTests.swift:"))
        #endif
    }
}
