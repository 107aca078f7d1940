// SPDX-License-Identifier: Apache-2.0
// Requests whose replies are taken later: every outcome, by value and by poll, and that nothing is left. A request that is
// not over has a timer: no timer left means no request left.

import Testing

@testable import Martlet

@Suite("PendingReply", .timeLimit(.minutes(5)))
struct PendingReplyTests {
    private static func ask(_ server: Desk.Ref, timeout: Duration? = .seconds(5)) -> PendingReply<Int> {
        server.request(timeout: timeout) { .ask($0) { $1.reply(7) } }
    }

    /// A request that the server keeps.
    private static func askForLater(_ server: Desk.Ref, timeout: Duration? = .seconds(5)) -> PendingReply<Int> {
        server.request(timeout: timeout) { .ask($0) { $0.postpone($1) } }
    }

    @Test("requests run while their sender does other things, and their replies are taken in any order")
    func values() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let first = server.request { .ask($0) { $1.reply(1) } }
            let second = server.request { .seen($0) }
            server.cast(.note(3))
            let third = server.request { .seen($0) }
            #expect(try await third.value() == [3])
            #expect(try await second.value().isEmpty)
            let copy = first
            #expect(try await copy.value() == 1 && first == copy)
            await test.settle()
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("poll gives nil until the reply is there, then the reply")
    func poll() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let pending = Self.askForLater(server)
            await test.settle()
            for _ in 0..<2 { #expect(try pending.poll() == nil) }
            server.tell { state in
                state.deferred.removeFirst().reply(4)
                return .wait
            }
            await test.settle()
            #expect(try pending.poll() == 4)
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("it fails as a call does: timeout, noProcess, exited, overloaded, cancelled")
    func failures() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let late = Self.askForLater(server, timeout: .seconds(1))
            await test.advance(by: .seconds(2))
            #expect(await reason { try await late.value() } == "timeout")
            // Asking again is no programmer's error: nothing was taken.
            #expect(await reason { try await late.value() } == "timeout")
            #expect(await reason { try late.poll() } == "timeout")

            let ended = Self.askForLater(server)
            await test.settle()
            server.process.pid.kill()
            #expect(await reason { try await ended.value() } == "exited: killed")
            let nobody = Self.ask(server)
            #expect(await reason { try nobody.poll() } == "no process")
            let noName: Desk.Name = "nobody has this name"
            #expect(await reason { try await noName.request { .seen($0) }.value() } == "no process")

            let gate = Gate()
            let busy = try await MailboxTests.busy(.reject, gate, capacity: 1)
            busy.cast(.note(0))
            #expect(await reason { try await Self.ask(busy).value() } == "overloaded")
            gate.open()

            let other = try await Desk.begin()
            let kept = Self.askForLater(other, timeout: nil)
            let task = Task { await reason { try await kept.value() } }
            await test.settle()
            task.cancel()
            #expect(await task.value == "cancelled")
            // As below: another request may have its place by now.
            #expect(["timeout", "cancelled"].contains(await reason { try kept.poll() }))
            do throws(CallError) { _ = try await Self.ask(server).value() } catch {
                #expect(error.target == server.pid && error.request == "Scripted<MartletTests.Pooled>")
            }
            await test.settle()
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("a reply that came in time is there after the deadline, for a minute")
    func afterDeadline() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let pending = Self.ask(server, timeout: .seconds(1))
            let forgotten = Self.ask(server, timeout: .seconds(1))
            await test.settle()
            await test.advance(by: .seconds(30))
            #expect(try await pending.value() == 7)
            await test.advance(by: .seconds(32))
            #expect(test.runtime.statistics.timers == 0)
            // Unless its place was used again meanwhile: then it cannot be told what became of it.
            #expect(["timeout", "cancelled"].contains(await reason { try await forgotten.value() }))
        }
    }

    @Test("an abandoned request is skipped if it has not begun, its late reply vanishes and is counted (R4)")
    func abandoned() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            let record = Record()
            let begun = server.request {
                .ask($0) { state, from in
                    gate.pass()
                    return from.reply(1)
                }
            }
            await gate.arrived()
            let queued = server.request {
                .ask($0) { _, from in
                    record.add("ran")
                    return from.reply(2)
                }
            }
            let before = test.runtime.deadLetterCounts
            begun.abandon()
            queued.abandon()
            queued.abandon()
            gate.open()
            await test.settle()
            let after = test.runtime.deadLetterCounts
            #expect(record.all.isEmpty)
            #expect(after[.expired, default: 0] - before[.expired, default: 0] == 1)
            #expect(after[.lateReply, default: 0] - before[.lateReply, default: 0] == 1)
            #expect(await reason { try await queued.value() } == "cancelled")
            #expect(test.runtime.statistics.timers == 0)
            // While somebody waits for it, that one is told.
            let waited = Self.askForLater(server, timeout: nil)
            let task = Task(executorPreference: test.runtime.executor) { await reason { try await waited.value() } }
            await test.settle()
            waited.abandon()
            #expect(await task.value == "cancelled")
        }
    }

    @Test("values of abandoned and forgotten requests end, small and large")
    func valuesEnd() async throws {
        struct Keeper: GenServer {
            struct Large: Sendable {
                let words = (0, 1, 2, 3, 4, 5, 6, 7, 8)
                let tracked: Tracked
            }
            enum Call { case small(From<Tracked>), large(From<Large>) }
            let census: Census
            init(_ census: Census) { self.census = census }
            func handleCall(_ call: Call) -> Next {
                switch call {
                case .small(let from): from.reply(Tracked(census))
                case .large(let from): from.reply(Large(tracked: Tracked(census)))
                }
            }
        }
        try await withRuntime { test in
            let census = Census()
            let server = try await Keeper.start(census)
            let small = server.request { .small($0) }
            let large = server.request { .large($0) }
            _ = server.request { .small($0) }
            _ = server.request { .large($0) }
            await test.settle()
            #expect(census.alive == 4)
            small.abandon()
            #expect(census.alive == 3)
            #expect(try await large.value().words.8 == 8)
            #expect(census.alive == 2)
            await test.advance(by: .seconds(66))
            #expect(census.alive == 0 && test.runtime.statistics.timers == 0)
        }
    }

    @Test("what a handler requested and never took goes with its server")
    func owner() async throws {
        try await withRuntime { test in
            let keeper = try await Desk.begin()
            let server = try await Desk.begin()
            server.tell { _ in
                _ = Self.askForLater(keeper, timeout: nil)
                _ = Self.ask(keeper)
                return .wait
            }
            await test.settle()
            #expect(test.runtime.statistics.timers == 2)
            try await server.stop()
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("a handler takes replies blocking; its own server's reply it cannot wait for, nor one that waits for it")
    func blocking() async throws {
        try await withRuntime { test in
            let a = try await Desk.begin()
            let b = try await Desk.begin()
            let record = Record()
            let sum = try await a.ask(timeout: nil) { _, from in
                let pending = (0..<10).map { number in b.request { .ask($0) { $1.reply(number) } } }
                let own = a.request(timeout: nil) { .ask($0) { $1.reply(1) } }
                do throws(CallError) { _ = try own.value() } catch { record.add("\(error.reason)") }
                return from.reply(try pending.reduce(0) { try $0 + $1.value() })
            }
            #expect(sum == 45 && record.all == ["calling itself"])
            let answer = try await a.ask(timeout: nil) { _, from in
                from.reply(
                    try b.askBlocking(timeout: nil) { _, from in
                        let back = a.request(timeout: nil) { .ask($0) { $1.reply(1) } }
                        do throws(CallError) { _ = try back.value() } catch { record.add("\(error.reason)") }
                        return from.reply(2)
                    })
            }
            #expect(answer == 2 && record.all.last == "cycle: \(b.pid) -> \(a.pid)")
            await test.settle()
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("10,000 in flight: each reply once, and nothing is left", .tags(.stress))
    func many() async throws {
        try await withRuntime { test in
            var servers: [Desk.Ref] = []
            for _ in 0..<8 { servers.append(try await Desk.begin()) }
            let pending = (0..<10_000).map { number in
                servers[number % 8].request { .ask($0) { $1.reply(number) } }
            }
            for (number, one) in pending.enumerated() {
                if number % 10 == 3 { one.abandon() } else { #expect(try await one.value() == number) }
            }
            await test.settle()
            #expect(test.runtime.statistics.timers == 0)
        }
    }
}
