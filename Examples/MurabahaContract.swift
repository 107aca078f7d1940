// SPDX-License-Identifier: Apache-2.0
// Pattern 1: a contract as a state machine. Each transition is guarded; one that is not allowed is an answer, not a
// crash, and changes nothing. The payment system is slow, so another process waits for it: the contract answers all
// others meanwhile, and a caller that gives up changes nothing.
//
//     pending -> approved -> disbursing -> disbursed -> repaying -> completed
//        `-> rejected  ^---------'
//
// See it run: swift test --filter MurabahaContractExample

import FoundationEssentials
import Martlet

struct MurabahaContract: GenServer {
    enum State { case pending, rejected, approved, disbursing, disbursed, repaying, completed }

    enum Failure: Error, Equatable {
        case invalidState(State)
        case invalidAmount
        /// By so much more than is owed.
        case overpayment(by: Int)
        /// The money may have left or not; disbursing again is safe, as the bank makes a transfer once.
        case disbursement(String)
    }

    struct Contract {
        let id: String
        let customer: String
        let cost: Int
        let profit: Int
        var state = State.pending
        var approvedAt: Date?
        var disbursedAt: Date?
        /// Newest first.
        var payments: [Int] = []

        var total: Int { cost + profit }
        var paid: Int { payments.reduce(0, +) }
    }

    struct Settings {
        var contract: Contract
        var bank: Bank.Ref
        var output: Output = terminal
    }

    typealias Answer = From<Result<Contract, Failure>>
    enum Call {
        case approve(Answer), reject(Answer), disburse(Answer), recordPayment(Int, Answer)
        case get(From<Contract>)
    }
    enum Message { case disbursed(Result<Void, Failure>) }

    /// A disbursement under way.
    private struct Disbursement {
        let caller: Answer
        let watch: MonitorRef
    }

    private var contract: Contract
    private var disbursement: Disbursement?
    private let bank: Bank.Ref
    private let output: Output

    init(_ settings: Settings) { (contract, bank, output) = (settings.contract, settings.bank, settings.output) }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .approve(let from):
            return from.reply(moved(from: [.pending], to: .approved) { $0.approvedAt = .now })
        case .reject(let from):
            return from.reply(moved(from: [.pending], to: .rejected))
        case .disburse(let from):
            if case .failure(let failure) = moved(from: [.approved], to: .disbursing) {
                return from.reply(.failure(failure))
            }
            disbursement = Disbursement(caller: from, watch: startTransfer())
            return .wait  // answered when the bank has answered
        case .recordPayment(let amount, let from):
            return from.reply(pay(amount))
        case .get(let from):
            return from.reply(contract)
        }
    }

    mutating func handleInfo(_ info: Info<Message>) -> Next {
        switch info {
        case .message(.disbursed(let result)):
            finishTransfer(result)
        case .down(disbursement?.watch, _, let reason):
            finishTransfer(.failure(.disbursement("\(reason)")))  // the process ended without a word
        default:
            break
        }
        return .wait
    }

    mutating func terminate(_ reason: ExitReason) { output("Contract \(contract.id) terminating: \(reason)") }

    /// Has another process ask the bank: it sends what came of it, and is watched in case it cannot.
    private func startTransfer() -> MonitorRef {
        let (me, bank, contract) = (Self.current, bank, contract)
        let (_, watch) = spawnMonitor(Never.self) { _ in
            do {
                try await bank.transfer(contract.cost, key: contract.id)
                me.send(.disbursed(.success(())))
            } catch {
                me.send(.disbursed(.failure(.disbursement("\(error)"))))
            }
        }
        return watch
    }

    private mutating func finishTransfer(_ result: Result<Void, Failure>) {
        guard let done = disbursement else { return }
        disbursement = nil
        done.watch.cancel()
        switch result {
        case .success:
            done.caller.reply(moved(from: [.disbursing], to: .disbursed) { $0.disbursedAt = .now })
        case .failure(let failure):
            contract.state = .approved  // to be tried again
            done.caller.reply(.failure(failure))
        }
    }

    private mutating func pay(_ amount: Int) -> Result<Contract, Failure> {
        let left = contract.total - contract.paid - amount
        guard amount > 0 else { return .failure(.invalidAmount) }
        let state = left == 0 ? State.completed : .repaying
        return moved(from: [.disbursed, .repaying], to: state) { contract throws(Failure) in
            if left < 0 { throw .overpayment(by: -left) }
            contract.payments.insert(amount, at: 0)
        }
    }

    /// The one place where the state changes, but for the way back from a transfer that failed.
    private mutating func moved(
        from states: Set<State>, to state: State, _ change: (inout Contract) throws(Failure) -> Void = { _ in }
    ) -> Result<Contract, Failure> {
        guard states.contains(contract.state) else { return .failure(.invalidState(contract.state)) }
        var next = contract
        do throws(Failure) { try change(&next) } catch { return .failure(error) }
        next.state = state
        contract = next
        return .success(next)
    }
}
