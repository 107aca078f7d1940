// SPDX-License-Identifier: Apache-2.0
// Casts that wait for room: in line, within their time, and counted.

import Testing

@testable import Martlet

@Suite("castWaiting", .timeLimit(.minutes(5)))
struct CastWaitingTests {
    @Test("it waits for room, and the messages arrive in the order of waiting (S9, R5)")
    func order() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.reject, gate, capacity: 1)
            server.cast(.note(0))
            var waiting: [Task<Void, any Error>] = []
            for number in 1...10 {
                // On the workers: the runtime is idle when the task stands in line.
                waiting.append(
                    Task(executorPreference: test.runtime.executor) { try await server.castWaiting(.note(number)) })
                await test.timersArmed(number)
                await test.settle()
            }
            gate.open()
            for task in waiting { try await task.value }
            await test.settle()
            #expect(try await server.call { .seen($0) } == Array(0...10))
        }
    }

    @Test("a negative timeout counts as zero: without room it fails with timeout, with room it is sent")
    func negativeTimeout() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.reject, gate, capacity: 1)
            try await server.castWaiting(.note(0), timeout: .seconds(-1))
            let waiting = Task { await reason { try await server.castWaiting(.note(1), timeout: .seconds(-1)) } }
            await test.timersArmed(1)
            await test.advance(by: .milliseconds(2))
            #expect(await waiting.value == "timeout")
            gate.open()
            await test.settle()
            #expect(try await server.call { .seen($0) } == [0])
        }
    }

    @Test("one sender's waiting casts arrive in its order, none lost, with every policy (R5)", arguments: [0, 1])
    func oneSender(_ index: Int) async throws {
        let overflow: MailboxPolicy.Overflow = [.reject, .dropNewest][index]
        try await withRuntime { test in
            let options = StartOptions(mailbox: .bounded(3, whenFull: overflow))
            let server = try await Desk.begin(options: options)
            for number in 0..<2_000 { try await server.castWaiting(.note(number)) }
            await test.settle()
            #expect(try await server.call { .seen($0) } == Array(0..<2_000))
            #expect(test.runtime.statistics.refused == 0)
        }
    }

    @Test("dropOldest: it displaces as a cast does")
    func displaces() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.dropOldest, gate, capacity: 2)
            for number in 0..<5 { try await server.castWaiting(.note(number)) }
            gate.open()
            await test.settle()
            #expect(try await server.call { .seen($0) } == [3, 4])
        }
    }

    @Test("it times out when no room comes, and its message is not delivered")
    func timeout() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.reject, gate, capacity: 1)
            server.cast(.note(0))
            let waiting = Task { await reason { try await server.castWaiting(.note(1), timeout: .seconds(1)) } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            #expect(await waiting.value == "timeout")
            gate.open()
            await test.settle()
            #expect(try await server.call { .seen($0) } == [0])
        }
    }

    @Test("it ends with cancelled when its task is cancelled; those behind it move up")
    func cancelled() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.reject, gate, capacity: 1)
            server.cast(.note(0))
            let first = Task { await reason { try await server.castWaiting(.note(1)) } }
            await test.timersArmed(1)
            let second = Task { await reason { try await server.castWaiting(.note(2)) } }
            await test.timersArmed(2)
            first.cancel()
            #expect(await first.value == "cancelled")
            gate.open()
            #expect(await second.value == "none")
            await test.settle()
            #expect(try await server.call { .seen($0) } == [0, 2])
        }
    }

    @Test("while others wait, a plain cast finds the mailbox full: nobody jumps the line")
    func noBarging() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.reject, gate, capacity: 1)
            server.cast(.note(0))
            let waiting = Task { await reason { try await server.castWaiting(.note(1)) } }
            await test.timersArmed(1)
            #expect(server.cast(.note(2)) == .full)
            gate.open()
            #expect(await waiting.value == "none")
            await test.settle()
            #expect(try await server.call { .seen($0) } == [0, 1])
        }
    }

    @Test("1,000 that wait fail with noProcess when the server ends", .tags(.leak))
    func serverEnds() async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let server = try await MailboxTests.busy(.reject, gate, capacity: 1)
            server.cast(.note(0))
            let reasons = await withTaskGroup(of: String.self) { group in
                for _ in 0..<1_000 {
                    let tracked = Tracked(census)
                    group.addTask {
                        await reason {
                            try await server.castWaiting(
                                .tell { _ in
                                    _ = tracked
                                    return .wait
                                })
                        }
                    }
                }
                await test.timersArmed(1_000)
                server.pid.kill()
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            gate.open()
            #expect(reasons == ["no process": 1_000])
        }
        #expect(census.alive == 0)
    }

    @Test("a plain thread and a handler can wait for room")
    func blocking() async throws {
        try await withRuntime(workers: 1) { test in
            let options = StartOptions(mailbox: .bounded(1, whenFull: .reject))
            let server = try await Counter.start(0, options: options)
            let sender = try await Desk.begin()
            async let thread: Void = onThread {
                for _ in 0..<200 { try? server.castWaiting(.add(1), timeout: nil) }
            }
            let answer = try await sender.ask(timeout: nil) { _, from in
                for _ in 0..<200 { try server.castWaiting(.add(1), timeout: nil) }
                return from.reply(1)
            }
            #expect(answer == 1)
            await thread
            // A call may find the mailbox full, which rejects.
            await test.settle()
            #expect(try await server.get() == 400)
        }
    }

    @Test("8 senders that wait lose nothing: 8,000 of 8,000 arrive, each sender's in order (R5, S9)", .tags(.stress))
    func exact() async throws {
        try await withRuntime { test in
            let options = StartOptions(mailbox: .bounded(8, whenFull: .reject))
            let server = try await Desk.begin(options: options)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<8 {
                    group.addTask {
                        for index in 0..<1_000 {
                            try await server.castWaiting(.note(sender * 1_000 + index), timeout: nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
            await test.settle()
            let seen = try await server.call { .seen($0) }
            #expect(seen.count == 8_000)
            for sender in 0..<8 {
                #expect(seen.filter { $0 / 1_000 == sender } == Array(sender * 1_000..<(sender + 1) * 1_000))
            }
        }
    }

    @Test("to an unbounded mailbox it is a cast; to an ended server it fails with noProcess")
    func unbounded() async throws {
        try await withRuntime { _ in
            let server = try await Counter.start(0)
            try await server.castWaiting(.add(2))
            #expect(try await server.get() == 2)
            try await server.stop()
            #expect(await reason { try await server.castWaiting(.add(2)) } == "no process")
        }
    }
}
