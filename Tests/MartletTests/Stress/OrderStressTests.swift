// SPDX-License-Identifier: Apache-2.0
// Many senders and one receiver: order for each sender, whatever mix of messages.

import Testing

@testable import Martlet

@Suite("Stress: order", .tags(.stress), .timeLimit(.minutes(5)))
struct OrderStressTests {
    @Test(
        "8 senders that mix calls, casts and sends are each heard in order, nothing lost (R5)",
        arguments: [false, true])
    func mixed(inPlace: Bool) async throws {
        try await withRuntime { _ in
            if inPlace {
                try await run(try await InPlaceDesk.begin())
            } else {
                try await run(try await Desk.begin())
            }
        }
    }

    private func run<D>(_ server: ServerRef<Scripted<D>>) async throws {
        let perSender = 3_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for index in 0..<perSender {
                        let number = sender * perSender + index
                        switch (index &* 7 &+ sender) % 5 {
                        case 0, 1: server.cast(.note(number))
                        case 2, 3: server.send(number)
                        default:
                            _ = try await server.ask(timeout: nil) { state, from in
                                state.seen.append(number)
                                return from.reply(0)
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let seen = try await server.call(timeout: nil) { .seen($0) }
        #expect(seen.count == 8 * perSender)
        var next = (0..<8).map { $0 * perSender }
        for number in seen {
            let sender = number / perSender
            guard number == next[sender] else {
                Issue.record("sender \(sender): expected \(next[sender]), got \(number)")
                return
            }
            next[sender] += 1
        }
    }

    @Test("messages between processes keep their order: a relay of 3 servers (R5)")
    func relayed() async throws {
        try await withRuntime { test in
            let last = try await Desk.begin()
            let middle = try await Desk.begin()
            let first = try await Desk.begin()
            for number in 0..<10_000 {
                first.tell { _ in
                    middle.tell { _ in
                        last.cast(.note(number))
                        return .wait
                    }
                    return .wait
                }
            }
            await test.settle()
            #expect(try await last.call { .seen($0) } == Array(0..<10_000))
        }
    }
}
