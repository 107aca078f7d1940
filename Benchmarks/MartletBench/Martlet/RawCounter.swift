// SPDX-License-Identifier: Apache-2.0
// `call`, `cast` and `fan-out` by hand: a process that counts what it is asked and told.

import Martlet

struct RawCounter: EquippedCallTarget, CastTarget {
    enum Message: Sendable {
        case increment(replyTo: ProcessRef<Int>)
        case bump
        case finish(replyTo: ProcessRef<Int>)
    }

    private let process: ProcessRef<Message>

    /// Arrives at `drained` at the bump with the number `expected`.
    init(expected: Int = 0, drained: Latch? = nil) {
        process = spawn { mailbox in
            var count = 0
            while true {
                switch try await mailbox.receive() {
                case .increment(let client):
                    count += 1
                    client.send(count)
                case .bump:
                    count += 1
                    if count == expected { drained?.arrive() }
                case .finish(let client):
                    client.send(count)
                    return
                }
            }
        }
    }

    var clientExecutor: (any TaskExecutor)? { Runtime.shared.executor }

    nonisolated(nonsending) func asClient<Value>(
        _ body:
            nonisolated(nonsending) (
                _ increment: nonisolated(nonsending) () async throws -> Int
            ) async throws -> Value
    ) async throws -> Value {
        try await withProcess(receiving: Int.self) { mailbox in
            try await body {
                process.send(.increment(replyTo: mailbox.ref))
                return try await mailbox.receive()
            }
        }
    }

    func cast() { process.send(.bump) }
    func finish() async throws -> Int { try await ask(process) { .finish(replyTo: $0) } }
}
