// SPDX-License-Identifier: Apache-2.0
// A counter by hand: a raw process, a loop over its mailbox, replies sent as messages. Counter is the same as a
// GenServer; what is gone there is the loop, the alias, the timeout and the nil below.
//
// See it run: swift test --filter ManualCounterExample

import Martlet

enum ManualCounter {
    enum Message {
        case increment(replyTo: ProcessRef<Int>)
        case get(replyTo: ProcessRef<Int>)
        case stop
    }

    static func start(_ initial: Int = 0) -> ProcessRef<Message> {
        spawn { mailbox in
            var count = initial
            while true {
                switch try await mailbox.receive() {
                case .increment(let client):
                    count += 1
                    client.send(count)
                case .get(let client):
                    client.send(count)
                case .stop:
                    return
                }
            }
        }
    }

    static func increment(
        _ counter: ProcessRef<Message>, _ mailbox: inout Mailbox<Int>
    ) async throws -> Int? { try await ask(counter, &mailbox) { .increment(replyTo: $0) } }

    static func get(
        _ counter: ProcessRef<Message>, _ mailbox: inout Mailbox<Int>
    ) async throws -> Int? { try await ask(counter, &mailbox) { .get(replyTo: $0) } }

    /// Sends a request and waits 5 seconds for the reply; nil if none came, though the counter may have died at once.
    ///
    /// The reply goes to an alias that is good for this request only. Sent to `mailbox.ref`, a reply that comes too late
    /// would wait in the mailbox and be taken for the answer to the next request.
    private static func ask(
        _ counter: ProcessRef<Message>, _ mailbox: inout Mailbox<Int>, _ request: (ProcessRef<Int>) -> Message
    ) async throws -> Int? {
        let alias = mailbox.alias()
        counter.send(request(alias))
        let reply = try await mailbox.receive(timeout: .seconds(5))
        mailbox.unalias(alias)
        if let reply { return reply }
        // It may have come between the timeout and the end of the alias.
        return try await mailbox.receive(timeout: .zero)
    }
}

func manualTour(output: Output = terminal) async throws {
    // Only a process has a mailbox to be answered in: for these lines, this task is one.
    try await withProcess(receiving: Int.self) { mailbox in
        let counter = ManualCounter.start(0)
        output("\(try await ManualCounter.increment(counter, &mailbox) ?? -1)")  // 1
        output("\(try await ManualCounter.increment(counter, &mailbox) ?? -1)")  // 2
        output("\(try await ManualCounter.get(counter, &mailbox) ?? -1)")  // 2
        counter.send(.stop)
    }
}
