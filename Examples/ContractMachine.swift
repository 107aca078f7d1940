// SPDX-License-Identifier: Apache-2.0
// The contract of pattern 1 as a state machine: transitions are cases, an approval has a deadline, and a payment that
// comes before the money waits for it instead of being refused.
//
//     pending --approve--> approved --disburse--> disbursed --pay--> repaying --pay--> completed
//        |  `--reject--+     `- reminded every hour                     ^--pay--'
//        `--a day------+--> rejected
//
// See it run: swift test --filter ContractMachineExample

import Martlet

struct ContractMachine: StateMachine {
    enum State { case pending, approved, disbursed, repaying, completed, rejected }
    enum Failure: Error, Equatable {
        case invalidState(State)
        case invalidAmount
        /// By so much more than is owed.
        case overpayment(by: Int)
    }
    struct Status {
        let state: State
        let paid: Int
    }
    typealias Answer = From<Result<State, Failure>>
    enum Call { case approve(Answer), reject(Answer), pay(Int, Answer), get(From<Status>) }
    enum Cast { case disburse }
    enum TimerName { case reminder }

    struct Settings {
        var total: Int
        var output: Output = terminal
    }

    private let total: Int
    private var paid = 0
    private let output: Output
    var initialState: State { .pending }

    init(_ settings: Settings) { (total, output) = (settings.total, settings.output) }

    mutating func handle(_ event: Event, in state: State) -> Transition {
        switch (event, state) {
        case (.call(.approve(let from)), .pending):
            return from.reply(.success(.approved), then: .next(.approved))
        case (.call(.reject(let from)), .pending):
            return from.reply(.success(.rejected), then: .next(.rejected))
        case (.stateTimeout, .pending):
            return .next(.rejected)
        case (.cast(.disburse), .approved):
            return .next(.disbursed, .timeout(.reminder, nil))
        case (.timeout(.reminder), .approved):
            output("waiting for the money")
            return .keep(.timeout(.reminder, .seconds(3_600)))
        case (.call(.pay), .approved):
            return .postpone  // handled when it is disbursed
        case (.call(.pay(let amount, let from)), .disbursed), (.call(.pay(let amount, let from)), .repaying):
            return pay(amount, from)
        case (.call(.get(let from)), _):
            return from.reply(Status(state: state, paid: paid), then: .keep)
        case (.call(.approve(let from)), _), (.call(.reject(let from)), _), (.call(.pay(_, let from)), _):
            return from.reply(.failure(.invalidState(state)), then: .keep)
        case (.cast, _), (.info, _), (.stateTimeout, _), (.eventTimeout, _), (.timeout, _):
            return .keep
        }
    }

    mutating func enter(_ state: State, from old: State?) -> [Action] {
        output(old.map { "\($0) -> \(state)" } ?? "\(state)")
        switch state {
        case .pending: return [.stateTimeout(.seconds(86_400))]
        case .approved: return [.timeout(.reminder, .seconds(3_600))]
        case .disbursed, .repaying, .completed, .rejected: return []
        }
    }

    mutating func terminate(_ reason: ExitReason, in state: State) { output("\(state), terminating: \(reason)") }

    private mutating func pay(_ amount: Int, _ from: Answer) -> Transition {
        let left = total - paid - amount
        guard amount > 0 else { return from.reply(.failure(.invalidAmount), then: .keep) }
        guard left >= 0 else { return from.reply(.failure(.overpayment(by: -left)), then: .keep) }
        paid += amount
        let next = left == 0 ? State.completed : .repaying
        return from.reply(.success(next), then: .next(next))
    }
}

/// What clients of a contract see: what cannot be done is thrown as `ContractMachine.Failure`.
extension ServerAddress<ContractMachine.Ref> {
    @discardableResult
    nonisolated(nonsending) func approve() async throws -> ContractMachine.State {
        try await call { .approve($0) }.get()
    }
    @discardableResult
    nonisolated(nonsending) func reject() async throws -> ContractMachine.State {
        try await call { .reject($0) }.get()
    }
    @discardableResult
    nonisolated(nonsending) func pay(
        _ amount: Int, timeout: Duration = .seconds(5)
    ) async throws -> ContractMachine.State { try await call(timeout: timeout) { .pay(amount, $0) }.get() }
    nonisolated(nonsending) func get() async throws(CallError) -> ContractMachine.Status { try await call { .get($0) } }
}

func machineTour(output: @escaping Output = terminal) async throws {
    let contract = try await ContractMachine.start(.init(total: 110_000, output: output))
    try await contract.approve()
    let early = contract.request { .pay(50_000, $0) }  // nothing is disbursed yet: it waits
    let now = try await contract.get()
    output("\(now.state), \(now.paid) paid")
    contract.cast(.disburse)
    output("\(try await early.value().get())")
    output("\(try await contract.pay(60_000))")
    do { try await contract.pay(1) } catch { output("\(error)") }
    try await contract.stop()
}
