// SPDX-License-Identifier: Apache-2.0
// The contract that survives: what was answered is true after any death, and the bank pays once.

import Martlet
import MartletPersistence
import MartletTestKit
import Testing

@testable import Examples

@Suite("DurableContractExample")
struct DurableContractExampleTests {
    @Test("killed while the bank works, it comes back and pays once; 50 and 60 of 110 complete it (S25, S27, S44)")
    func tour() async throws {
        let lines = Lines()
        try await withTestRuntime { test in
            try await durableContractTour(output: lines.output)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(lines.all.count == 5)
        #expect(lines.all.first == "approved")
        #expect(
            lines.all.suffix(3) == [
                "Taken up again: disbursed, 1 transfer", "overpayment(by: 10000)", "completed, 110000 of 110000",
            ])
    }

    @Test("a store that is full refuses the transition: the contract is as it was, and goes on")
    func full() async throws {
        try await withTestRuntime { test in
            let store = MemoryStore()
            let bank = try await Bank.start(.init())
            try await durableContracts.start()
            let contract = try await DurableContract.start(.init(id: "a", total: 10, store: store, bank: bank))
            store.fail(with: .full)
            await #expect(throws: DurableContract.Failure.notStored("full")) { try await contract.approve() }
            #expect(try await contract.get().state == .pending)
            store.fail(with: nil)
            try await contract.approve()
            await #expect(throws: DurableContract.Failure.invalidState(.approved)) { try await contract.approve() }
        }
    }

    @Test("whatever kills it whenever: what was answered stays, and nothing is paid twice")
    func anyDeath() async throws {
        try await explore(seeds: 0..<300) { test in
            let store = MemoryStore()
            let bank = try await Bank.start(.init(latency: .milliseconds(20)))
            let tree = try await Supervisor.start(maxRestarts: 100) {
                durableContracts.child
                DurableContract.child(.init(id: "a", total: 100, store: store, bank: bank))
            }
            let contract = DurableContract.name("a")
            let killer = Task {
                for _ in 0..<4 {
                    try await test.clock.sleep(for: .milliseconds(Int(test.seed % 17) + 1))
                    contract.ref?.pid.kill()
                }
            }
            var answered = 0
            for _ in 0..<200 where answered < 3 {
                do {
                    switch answered {
                    case 0: try await contract.approve()
                    case 1: try await contract.disburse()
                    default: try await contract.pay(100)
                    }
                    answered += 1
                } catch DurableContract.Failure.invalidState(let state) {
                    // Stored, and its answer died with the server.
                    switch (state, answered) {
                    case (.approved, 0), (.disbursed, 1), (.completed, 2): answered += 1
                    case (.disbursing, 1): try await test.clock.sleep(for: .milliseconds(10))
                    default: throw DurableContract.Failure.invalidState(state)
                    }
                } catch is CallError { try await test.clock.sleep(for: .milliseconds(1)) }
            }
            try await killer.value
            try await eventually { contract.ref != nil }
            try #require(try await contract.get().state == .completed)
            try #require(try await bank.transfers() == ["a": 100])
            try await tree.stop(.shutdown)
            try await bank.stop()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
