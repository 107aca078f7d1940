// SPDX-License-Identifier: Apache-2.0
// Stands for a payment system: slow, sometimes refusing, and idempotent - a transfer that was made is not made again
// when its key comes a second time. Not a pattern of the guide.

import Martlet

struct Bank: GenServer {
    enum Refusal: Error { case insufficientFunds }
    typealias Answer = Result<Void, Refusal>

    struct Settings {
        var funds = 1_000_000
        var latency: Duration = .seconds(2)
    }

    enum Call { case transfer(Int, key: String, From<Answer>), transfers(From<[String: Int]>) }
    enum Message { case made(Answer, From<Answer>) }

    private var funds: Int
    private let latency: Duration
    private var transfers: [String: Int] = [:]

    init(_ settings: Settings) { (funds, latency) = (settings.funds, settings.latency) }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .transfer(let amount, let key, let from):
            let answer = transfer(amount, key)
            Self.current.sendAfter(latency, .made(answer, from))
            return .wait
        case .transfers(let from):
            return from.reply(transfers)
        }
    }

    mutating func handleInfo(_ info: Info<Message>) -> Next {
        if case .message(.made(let answer, let from)) = info { from.reply(answer) }
        return .wait
    }

    private mutating func transfer(_ amount: Int, _ key: String) -> Answer {
        if transfers[key] != nil { return .success(()) }
        guard amount <= funds else { return .failure(.insufficientFunds) }
        funds -= amount
        transfers[key] = amount
        return .success(())
    }
}

extension ServerAddress<Bank.Ref> {
    /// The transfer was made, now or before, when this returns.
    nonisolated(nonsending) func transfer(_ amount: Int, key: String) async throws {
        try await call(timeout: .seconds(30)) { .transfer(amount, key: key, $0) }.get()
    }

    /// What was transferred, by key.
    nonisolated(nonsending) func transfers() async throws(CallError) -> [String: Int] {
        try await call { .transfers($0) }
    }
}
