// SPDX-License-Identifier: Apache-2.0
// A counter by hand: a raw process, a loop over its mailbox, replies sent as messages. Counter is the same as a
// GenServer; what is gone there is the loop, the alias, the timeout and the nil below. ManualCounterTour has them run.
//
// See it run: swift test --filter ManualCounterExample

import Martlet

enum ManualCounter {
    typealias Ref = ProcessRef<Message>

    enum Message {
        case increment(replyTo: ProcessRef<Int>)
        case get(replyTo: ProcessRef<Int>)
        /// Long work: the counter answers nobody meanwhile.
        case work(Duration)
        case stop
    }

    static func start(_ initial: Int = 0) -> Ref {
        spawn { mailbox in try await loop(initial, &mailbox) }
    }

    /// When the counter fails, the process that starts it fails too, and the other way round, unless it traps exits.
    static func startLink(_ initial: Int = 0) -> Ref {
        spawnLink { mailbox in try await loop(initial, &mailbox) }
    }

    /// What a GenServer has no more.
    static func loop(_ initial: Int, _ mailbox: inout Mailbox<Message>) async throws {
        var count = initial
        while true {
            switch try await mailbox.receive() {
            case .increment(let client):
                count += 1
                client.send(count)
            case .get(let client):
                client.send(count)
            case .work(let duration):
                _ = try await mailbox.receive(timeout: duration) { _ in Int?.none }  // takes no message out
            case .stop:
                return
            }
        }
    }

    static func increment(_ counter: Ref, _ mailbox: inout Mailbox<Int>) async throws -> Int? {
        try await ask(counter, &mailbox) { .increment(replyTo: $0) }
    }

    static func get(_ counter: Ref, _ mailbox: inout Mailbox<Int>) async throws -> Int? {
        try await ask(counter, &mailbox) { .get(replyTo: $0) }
    }

    /// Sends a request and waits 5 seconds for the reply; nil if none came, though the counter may have died at once.
    ///
    /// The reply goes to an alias that is good for this request only.
    private static func ask(
        _ counter: Ref, _ mailbox: inout Mailbox<Int>, _ request: (ProcessRef<Int>) -> Message
    ) async throws -> Int? {
        let alias = mailbox.alias()
        defer { mailbox.unalias(alias) }
        counter.send(request(alias))
        return try await mailbox.receive(through: alias, timeout: .seconds(5))
    }

    /// The bug: the reply goes to the mailbox itself.
    ///
    /// One that comes too late waits there, and is taken for the answer to the next request.
    static func askWithoutAlias(
        _ counter: Ref, _ mailbox: inout Mailbox<Int>, _ request: (ProcessRef<Int>) -> Message
    ) async throws -> Int? {
        counter.send(request(mailbox.ref))
        return try await mailbox.receive(timeout: .seconds(5))
    }
}
