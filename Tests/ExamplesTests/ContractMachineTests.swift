// SPDX-License-Identifier: Apache-2.0
// A contract as a state machine: its way, its deadline, its reminder, and the payment that waits.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("ContractMachineExample")
struct ContractMachineExampleTests {
    typealias Failure = ContractMachine.Failure

    @Test("the tour: an early payment waits for the money, the last one completes (S21, S24, S42)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await machineTour(output: lines.output)
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "pending", "pending -> approved", "approved, 0 paid",
                "approved -> disbursed", "disbursed -> repaying", "repaying", "repaying -> completed", "completed",
                "invalidState(Examples.ContractMachine.State.completed)", "completed, terminating: normal",
            ])
    }

    @Test("nobody approves for a day: rejected, and nothing follows (S21)")
    func deadline() async throws {
        try await withContract { contract, lines, test in
            await test.clock.advance(by: .seconds(86_399))
            let last = try await contract.get()
            #expect(last.state == .pending)
            await test.clock.advance(by: .seconds(1))
            #expect(try await contract.get().state == .rejected)
            await #expect(throws: Failure.invalidState(.rejected)) { try await contract.approve() }
            await #expect(throws: Failure.invalidState(.rejected)) { try await contract.pay(1) }
            #expect(lines.all == ["pending", "pending -> rejected"])
        }
    }

    @Test("an approval ends the deadline; the reminder comes each hour until the money does")
    func reminder() async throws {
        try await withContract { contract, lines, test in
            try await contract.approve()
            await test.clock.advance(by: .seconds(86_400))
            contract.cast(.disburse)
            await test.clock.advance(by: .seconds(86_400))
            #expect(try await contract.get().state == .disbursed)
            #expect(lines.all.count { $0 == "waiting for the money" } == 24)
            await #expect(throws: Failure.invalidState(.disbursed)) { try await contract.reject() }
        }
    }

    @Test("more than is owed is not taken, nor nothing (S21)")
    func amounts() async throws {
        try await withContract { contract, _, _ in
            try await contract.approve()
            contract.cast(.disburse)
            for amount in [0, -1] { await #expect(throws: Failure.invalidAmount) { try await contract.pay(amount) } }
            await #expect(throws: Failure.overpayment(by: 1)) { try await contract.pay(110_001) }
            #expect(try await contract.get().paid == 0)
            #expect(try await contract.pay(110_000) == .completed)
        }
    }

    private func withContract(
        _ body: @escaping (ContractMachine.Ref, Lines, TestRuntime) async throws -> Void
    ) async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            let contract = try await ContractMachine.start(.init(total: 110_000, output: lines.output))
            try await body(contract, lines, test)
            try await contract.stop()
            test.assertNothingLeft()
        }
    }
}
