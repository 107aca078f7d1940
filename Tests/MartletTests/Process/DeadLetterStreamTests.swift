// SPDX-License-Identifier: Apache-2.0
// The stream of undelivered messages, and their counts by cause.

import Testing

@testable import Martlet

@Suite("Runtime.deadLetters")
struct DeadLetterStreamTests {
    @Test("a cast to an ended server: no process, from its sender if that was one")
    func noProcess() async throws {
        try await withRuntime { test in
            var letters = test.runtime.deadLetters().makeAsyncIterator()
            let (gone, sender) = (try await Desk.begin(), try await Desk.begin())
            try await gone.stop()
            gone.cast(.note(17))
            let outside = try #require(await letters.next())
            #expect(outside.to == gone.pid && outside.from == nil && outside.cause == .noProcess)
            #expect(outside.type == "Scripted<MartletTests.Pooled>.Cast")
            _ = try await sender.ask { _, from in
                gone.cast(.note(18))
                return from.reply(1)
            }
            let inside = try #require(await letters.next())
            #expect(inside.to == gone.pid && inside.from == sender.pid && inside.cause == .noProcess)
            #expect(test.runtime.deadLetterCounts[.noProcess] == 2)
        }
    }

    @Test("a full mailbox: the refused message, and the oldest that a newer one displaced")
    func full() async throws {
        try await withRuntime { test in
            var letters = test.runtime.deadLetters().makeAsyncIterator()
            for whenFull in [MailboxPolicy.Overflow.reject, .dropOldest] {
                let gate = Gate()
                let desk = try await Desk.begin(options: StartOptions(mailbox: .bounded(1, whenFull: whenFull)))
                await desk.hold(at: gate)
                desk.cast(.note(1))
                desk.cast(.note(2))
                let letter = try #require(await letters.next())
                #expect(
                    letter.to == desk.pid && letter.cause == .full
                        && letter.type == "Scripted<MartletTests.Pooled>.Cast")
                gate.open()
                // The one that is queued leaves no room for a call.
                await test.settle()
                _ = try await desk.call { .seen($0) }
            }
            #expect(test.runtime.deadLetterCounts[.full] == 2)
        }
    }

    @Test("messages still queued when the receiver ends: of a call it is known who sent it")
    func receiverEnded() async throws {
        try await withRuntime { test in
            var letters = test.runtime.deadLetters().makeAsyncIterator()
            let gate = Gate()
            let (desk, caller) = (try await Desk.begin(), try await Desk.begin())
            desk.tell { _ in
                gate.pass()
                return .stop(.normal)
            }
            await gate.arrived()
            desk.cast(.note(1))
            let record = Record()
            caller.tell { _ in
                let pending = desk.request { .ask($0) { $1.reply(1) } }
                record.add("queued")
                do { _ = try pending.value() } catch {}
                return .wait
            }
            await eventually { record.count == 1 }
            gate.open()
            let first = try #require(await letters.next())
            let second = try #require(await letters.next())
            #expect([first.cause, second.cause] == [.receiverEnded, .receiverEnded])
            #expect(first.type == "Scripted<MartletTests.Pooled>.Cast" && first.from == nil)
            #expect(second.type == "Scripted<MartletTests.Pooled>.Call" && second.from == caller.pid)
            await test.settle()
            #expect(test.runtime.deadLetterCounts[.receiverEnded] == 2)
        }
    }

    @Test("a call whose deadline passed in the queue is expired; its late reply is told of, from who gave it")
    func expired() async throws {
        try await withRuntime { test in
            var letters = test.runtime.deadLetters().makeAsyncIterator()
            let gate = Gate()
            let desk = try await Desk.begin()
            let late = Task {
                await reason {
                    try await desk.ask(timeout: .seconds(1)) { _, from in
                        gate.pass()
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            let expired = Task {
                await reason { try await desk.ask(timeout: .seconds(1)) { _, from in from.reply(1) } }
            }
            await test.timersArmed(2)
            await test.advance(by: .seconds(2))
            #expect(await late.value == "timeout")
            #expect(await expired.value == "timeout")
            gate.open()
            let reply = try #require(await letters.next())
            #expect(reply.to == .none && reply.from == desk.pid && reply.cause == .lateReply && reply.type == "Int")
            let letter = try #require(await letters.next())
            #expect(
                letter.to == desk.pid && letter.cause == .expired && letter.type == "Scripted<MartletTests.Pooled>.Call"
            )
            await test.settle()
            #expect(test.runtime.deadLetterCounts[.expired] == 1)
            #expect(test.runtime.deadLetterCounts[.lateReply] == 1)
        }
    }

    @Test("a slow reader keeps the oldest; every letter is counted; a stream that ended costs and hears nothing")
    func slowReader() async throws {
        try await withRuntime { test in
            let gone = try await Desk.begin()
            try await gone.stop()
            do {
                var letters = test.runtime.deadLetters(buffer: 3).makeAsyncIterator()
                for number in 0..<100 { gone.cast(.note(number)) }
                for _ in 0..<3 { #expect(await letters.next()?.to == gone.pid) }
                #expect(test.runtime.context.deadLetters.isHeard)
            }
            await eventually { !test.runtime.context.deadLetters.isHeard }
            gone.cast(.note(1))
            #expect(test.runtime.deadLetterCounts[.noProcess] == 101)
        }
    }
}
