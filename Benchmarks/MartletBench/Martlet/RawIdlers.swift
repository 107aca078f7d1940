// SPDX-License-Identifier: Apache-2.0
// `spawn` by hand: processes that only wait. They say themselves that they have begun, and that they end.

import Martlet

struct RawIdlers: Population {
    enum Message: Sendable {
        case identity(replyTo: ProcessRef<Int>)
        case stop
    }

    private let processes: [ProcessRef<Message>]
    private let gone: Latch

    init(_ count: Int, _ census: Census) async {
        let ready = Latch(count)
        let gone = Latch(count)
        processes = (0..<count).map { index in
            spawn { mailbox in
                census.enter()
                ready.arrive()
                defer {
                    census.leave()
                    gone.arrive()
                }
                while case .identity(let client) = try await mailbox.receive() { client.send(index) }
            }
        }
        self.gone = gone
        await ready.wait()
    }

    func identity(at index: Int) async throws -> Int { try await ask(processes[index]) { .identity(replyTo: $0) } }

    func stop() async throws {
        for process in processes { process.send(.stop) }
        await gone.wait()
    }
}
