// SPDX-License-Identifier: Apache-2.0
// What clients of a contract see, and one contract from its start to its end.

import Martlet

/// What cannot be done is thrown as `MurabahaContract.Failure`, what cannot be asked as `CallError`.
extension ServerAddress<MurabahaContract.Ref> {
    @discardableResult
    nonisolated(nonsending) func approve() async throws -> MurabahaContract.Contract {
        try await call { .approve($0) }.get()
    }

    @discardableResult
    nonisolated(nonsending) func reject() async throws -> MurabahaContract.Contract {
        try await call { .reject($0) }.get()
    }

    @discardableResult
    nonisolated(nonsending) func disburse(
        timeout: Duration = .seconds(30)
    ) async throws -> MurabahaContract.Contract { try await call(timeout: timeout) { .disburse($0) }.get() }

    @discardableResult
    nonisolated(nonsending) func recordPayment(_ amount: Int) async throws -> MurabahaContract.Contract {
        try await call { .recordPayment(amount, $0) }.get()
    }

    nonisolated(nonsending) func get() async throws(CallError) -> MurabahaContract.Contract {
        try await call { .get($0) }
    }
}

func contractTour(output: @escaping Output = terminal) async throws {
    let bank = try await Bank.start(.init())
    let contract = try await MurabahaContract.start(
        .init(
            contract: .init(id: "contract-123", customer: "customer-456", cost: 100_000, profit: 10_000), bank: bank,
            output: output))
    output("\(try await contract.get().state)")  // pending
    output("\(try await contract.approve().state)")  // approved
    output("\(try await contract.disburse().state)")  // disbursed: the bank took two seconds
    for amount in [50_000, 60_000] {
        let now = try await contract.recordPayment(amount)
        output("\(now.state), \(now.paid) of \(now.total)")  // repaying, 50000 of 110000, and completed, 110000
    }
    try await contract.stop()
    try await bank.stop()
}
