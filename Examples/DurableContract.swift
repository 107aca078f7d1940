// SPDX-License-Identifier: Apache-2.0
// Pattern 1 with the persistence that the guide leaves out: a contract whose transitions are stored before they are answered,
// found by its id, and supervised. What was under way when it died is taken up again: the bank makes a transfer once a key.
//
// See it run: swift test --filter DurableContractExample

import Martlet
import MartletPersistence

/// The contracts that are served now; a second server of one is refused.
let durableContracts = Registry<String, Void>("durable-contracts")

struct DurableContract: AsyncGenServer, ~Copyable {
    enum State: String, Codable { case pending, approved, disbursing, disbursed, completed }

    enum Failure: Error, Equatable {
        case invalidState(State)
        case overpayment(by: Int)
        case notStored(String)
        case bank(String)
    }

    struct Contract: Codable {
        var total = 0
        var state = State.pending
        var paid = 0
    }

    enum Event: Codable { case agreed(total: Int), approved, disbursing, disbursed, refused, paid(Int) }

    struct Settings: Sendable {
        var id: String
        var total: Int
        var store: any DurableStore
        var bank: Bank.Ref
    }

    typealias Answer = From<Result<Contract, Failure>>
    enum Call { case approve(Answer), disburse(Answer), pay(Int, Answer), get(From<Contract>) }
    enum Message { case transferred(Result<Void, any Error>, Answer?) }

    private var journal: Journal<Contract, Event>
    private let settings: Settings

    init(_ settings: Settings) async throws {
        var journal = try await Journal(settings.id, in: settings.store, initial: Contract()) {
            (contract, event: Event) in
            switch event {
            case .agreed(let total): contract.total = total
            case .approved, .refused: contract.state = .approved
            case .disbursing: contract.state = .disbursing
            case .disbursed: contract.state = .disbursed
            case .paid(let amount):
                contract.paid += amount
                if contract.paid == contract.total { contract.state = .completed }
            }
        }
        if journal.sequence == 0 { try await journal.record(.agreed(total: settings.total)) }
        self.journal = journal
        self.settings = settings
    }

    /// A transfer that was under way is asked for again: whether it had been made, the bank knows by its key.
    var afterInit: Next { .continue }

    mutating func handleContinue() async -> Next {
        if journal.value.state == .disbursing { transfer(for: nil) }
        return .wait
    }

    mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .approve(let from): return from.reply(await moved(.approved, from: .pending))
        case .disburse(let from):
            let moved = await moved(.disbursing, from: .approved)
            if case .failure = moved { return from.reply(moved) }
            transfer(for: from)
            return .wait  // answered when the bank has answered
        case .pay(let amount, let from):
            let contract = journal.value
            let over = contract.paid + amount - contract.total
            if over > 0 { return from.reply(.failure(.overpayment(by: over))) }
            return from.reply(await moved(.paid(amount), from: .disbursed))
        case .get(let from): return from.reply(journal.value)
        }
    }

    mutating func handleInfo(_ info: Info<Message>) async -> Next {
        guard case .message(.transferred(let result, let from)) = info else { return .wait }
        switch result {
        case .success:
            let moved = await moved(.disbursed, from: .disbursing)
            from?.reply(moved)
        case .failure(let error):
            _ = await moved(.refused, from: .disbursing)
            from?.reply(.failure(.bank("\(error)")))
        }
        return .wait
    }

    /// Slow: another process waits for it, and this one answers meanwhile.
    private func transfer(for caller: Answer?) {
        let (bank, id, amount) = (settings.bank, settings.id, journal.value.total)
        Self.current.sendResult(of: { try await bank.transfer(amount, key: id) }) { .transferred($0, caller) }
    }

    /// The one place where something happens: stored, then so, then answered.
    private nonisolated(nonsending) mutating func moved(_ event: Event, from state: State) async -> Result<
        Contract, Failure
    > {
        guard journal.value.state == state else { return .failure(.invalidState(journal.value.state)) }
        do throws(StoreError) {
            try await journal.record(event)
            return .success(journal.value)
        } catch { return .failure(.notStored("\(error)")) }
    }
}

extension DurableContract {
    static func name(_ id: String) -> Name { .via(durableContracts, id) }

    /// As a child: comes back with what was stored.
    static func child(_ settings: Settings) -> ChildSpec {
        child(settings, id: ChildID(settings.id), name: name(settings.id))
    }
}

extension ServerAddress<DurableContract.Ref> {
    @discardableResult
    nonisolated(nonsending) func approve() async throws -> DurableContract.Contract {
        try await call { .approve($0) }.get()
    }
    @discardableResult
    nonisolated(nonsending) func disburse() async throws -> DurableContract.Contract {
        try await call(timeout: .seconds(30)) { .disburse($0) }.get()
    }
    @discardableResult
    nonisolated(nonsending) func pay(_ amount: Int) async throws -> DurableContract.Contract {
        try await call { .pay(amount, $0) }.get()
    }
    nonisolated(nonsending) func get() async throws(CallError) -> DurableContract.Contract {
        try await call { .get($0) }
    }
}

func durableContractTour(store: any DurableStore = MemoryStore(), output: @escaping Output = terminal) async throws {
    let bank = try await Bank.start(.init(latency: .milliseconds(50)))
    let tree = try await Supervisor.start {
        durableContracts.child
        DurableContract.child(.init(id: "contract-123", total: 110_000, store: store, bank: bank))
    }
    let contract = DurableContract.name("contract-123")
    output("\(try await contract.approve().state.rawValue)")  // approved

    // It dies while the bank works, and its client hears so.
    let before = contract.ref
    async let disbursement: DurableContract.Contract = contract.disburse()
    while try await contract.get().state != .disbursing { await Task.yield() }
    before?.pid.kill()
    do { _ = try await disbursement } catch { output("\(error)") }
    while contract.ref == nil || contract.ref == before { await Task.yield() }
    // The bank knows the key: nothing moves, and when it has answered us it has answered the contract.
    try await bank.transfer(110_000, key: "contract-123")
    while try await contract.get().state != .disbursed { await Task.yield() }
    output("Taken up again: disbursed, \(try await bank.transfers().count) transfer")

    try await contract.pay(50_000)
    do { try await contract.pay(70_000) } catch { output("\(error)") }  // overpayment(by: 10000)
    let paid = try await contract.pay(60_000)
    output("\(paid.state.rawValue), \(paid.paid) of \(paid.total)")
    try await tree.stop(.shutdown)
    try await bank.stop()
}
