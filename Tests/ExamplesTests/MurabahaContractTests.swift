// SPDX-License-Identifier: Apache-2.0
// A contract goes its way, refuses what is not allowed, and answers while the bank makes it wait.

import Martlet
import MartletTestKit
import Testing

@testable import Examples

@Suite("MurabahaContractExample")
struct MurabahaContractExampleTests {
    typealias Failure = MurabahaContract.Failure

    @Test("the tour: approved, disbursed, 50k and 60k paid, completed at 110k (S24, S27)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await contractTour(output: lines.output)
            test.assertNothingLeft()
        }
        #expect(
            lines.all == [
                "pending", "approved", "disbursed", "repaying, 50000 of 110000", "completed, 110000 of 110000",
                "Contract contract-123 terminating: normal",
            ])
    }

    @Test("a transition that is not allowed is refused and changes nothing (S21, S24)")
    func refused() async throws {
        try await withContract { contract, _, _ in
            await #expect(throws: Failure.invalidState(.pending)) { try await contract.disburse() }
            await #expect(throws: Failure.invalidState(.pending)) { try await contract.recordPayment(1) }
            try await contract.approve()
            await #expect(throws: Failure.invalidState(.approved)) { try await contract.approve() }
            await #expect(throws: Failure.invalidState(.approved)) { try await contract.reject() }
            #expect(try await contract.get().state == .approved)
            try await contract.disburse()
            await #expect(throws: Failure.invalidState(.disbursed)) { try await contract.disburse() }
            for amount in [0, -1] {
                await #expect(throws: Failure.invalidAmount) { try await contract.recordPayment(amount) }
            }
            #expect(try await contract.get().payments == [])
        }
    }

    @Test("rejected is an end (S21)")
    func rejected() async throws {
        try await withContract { contract, _, _ in
            let rejected = try await contract.reject()
            #expect(rejected.state == .rejected)
            await #expect(throws: Failure.invalidState(.rejected)) { try await contract.approve() }
            await #expect(throws: Failure.invalidState(.rejected)) { try await contract.recordPayment(1) }
        }
    }

    @Test("more than is owed is not taken; the last payment is exact, and nothing follows it (S21)")
    func overpayment() async throws {
        try await withContract { contract, _, _ in
            try await contract.approve()
            try await contract.disburse()
            await #expect(throws: Failure.overpayment(by: 1)) { try await contract.recordPayment(110_001) }
            #expect(try await contract.recordPayment(50_000).state == .repaying)
            await #expect(throws: Failure.overpayment(by: 5_000)) { try await contract.recordPayment(65_000) }
            let done = try await contract.recordPayment(60_000)
            #expect(done.state == .completed)
            #expect(done.payments == [60_000, 50_000])
            await #expect(throws: Failure.invalidState(.completed)) { try await contract.recordPayment(1) }
        }
    }

    @Test("while the bank works, the contract answers others, and lets nobody disburse again (S25)")
    func staysResponsive() async throws {
        try await withContract(latency: .seconds(20)) { contract, bank, test in
            try await contract.approve()
            let start = test.clock.now
            let disbursed = Task { try await contract.disburse() }
            await test.clock.runUntilIdle()
            #expect(try await contract.get().state == .disbursing)
            await #expect(throws: Failure.invalidState(.disbursing)) { try await contract.disburse() }
            #expect(test.clock.now == start)
            #expect(try await disbursed.value.state == .disbursed)
            #expect(test.clock.now - start >= .seconds(20))
            #expect(try await bank.transfers() == ["contract-123": 100_000])
        }
    }

    @Test("a caller that gives up has the money disbursed all the same, once (S25)")
    func callerGivesUp() async throws {
        try await withContract(latency: .seconds(20)) { contract, bank, test in
            try await contract.approve()
            await #expect { try await contract.disburse(timeout: .seconds(5)) } throws: { error in
                if case .timeout? = (error as? CallError)?.reason { true } else { false }
            }
            #expect(try await contract.get().state == .disbursing)
            await test.clock.advance(by: .seconds(20))
            #expect(try await contract.get().state == .disbursed)
            #expect(try await bank.transfers() == ["contract-123": 100_000])
        }
    }

    @Test("a bank that refuses leaves the contract approved")
    func bankRefuses() async throws {
        try await withContract(funds: 50_000) { contract, bank, _ in
            try await contract.approve()
            await #expect(throws: Failure.disbursement("insufficientFunds")) { try await contract.disburse() }
            #expect(try await contract.get().state == .approved)
            #expect(try await bank.transfers() == [:])
        }
    }

    @Test("when the process that asks the bank dies, disbursing again is safe: its key is the same (S25)")
    func workerDies() async throws {
        try await withContract(latency: .seconds(20)) { contract, bank, test in
            try await contract.approve()
            let first = Task { try await contract.disburse() }
            await test.clock.runUntilIdle()
            let worker = try #require(Runtime.current.waitGraph().first { $0.target == bank.pid })
            worker.caller.kill()
            await #expect(throws: Failure.disbursement("killed")) { try await first.value }
            #expect(try await contract.get().state == .approved)
            #expect(try await contract.disburse().state == .disbursed)
            #expect(try await bank.transfers() == ["contract-123": 100_000])
        }
    }

    private func withContract(
        funds: Int = 1_000_000, latency: Duration = .seconds(2),
        _ body: @escaping (MurabahaContract.Ref, Bank.Ref, TestRuntime) async throws -> Void
    ) async throws {
        try await withTestRuntime { test in
            let bank = try await Bank.start(.init(funds: funds, latency: latency))
            let contract = try await MurabahaContract.start(
                .init(
                    contract: .init(id: "contract-123", customer: "customer-456", cost: 100_000, profit: 10_000),
                    bank: bank, output: { _ in }))
            try await body(contract, bank, test)
            try await contract.stop()
            try await bank.stop()
            test.assertNothingLeft()
        }
    }
}
