// SPDX-License-Identifier: Apache-2.0
// Bounded mailboxes: what each policy does with what finds them full, and that the counts are exact.

import Synchronization
import Testing

@testable import Martlet

@Suite("Bounded mailbox", .timeLimit(.minutes(5)))
struct MailboxTests {
    /// A server busy at a gate, with a mailbox of 4 that is empty.
    static func busy(_ overflow: MailboxPolicy.Overflow, _ gate: Gate, capacity: Int = 4) async throws -> Desk.Ref {
        let server = try await Desk.begin(options: StartOptions(mailbox: .bounded(capacity, whenFull: overflow)))
        await server.hold(at: gate)
        return server
    }

    @Test("reject: a full mailbox refuses casts and sends with full, and calls with overloaded (S9)")
    func reject() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(.reject, gate)
            let outcomes = (1...6).map { server.cast(.note($0)) }
            #expect(outcomes == [.queued, .queued, .queued, .queued, .full, .full])
            #expect(server.send(7) == .full)
            #expect(await reason { try await server.ask { $1.reply(1) } } == "overloaded")
            #expect(test.runtime.statistics.refused == 4)
            gate.open()
            await test.settle()
            #expect(try await server.call { .seen($0) } == [1, 2, 3, 4])
        }
    }

    @Test("dropNewest: a full mailbox drops casts and sends, and a call waits for room (S9)")
    func dropNewest() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(.dropNewest, gate)
            let outcomes = (1...5).map { server.cast(.note($0)) }
            #expect(outcomes == [.queued, .queued, .queued, .queued, .full])
            async let answer = server.ask(timeout: .seconds(2)) { $1.reply($0.seen.count) }
            await test.timersArmed(1)
            gate.open()
            let value = try await answer
            #expect(value >= 1)
            await test.settle()
            #expect(try await server.call { .seen($0) } == [1, 2, 3, 4])
            #expect(test.runtime.statistics.refused == 1)
        }
    }

    @Test("dropOldest: a full mailbox takes the newest and drops the oldest cast; calls are never dropped (S9)")
    func dropOldest() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(.dropOldest, gate)
            let call = Task(executorPreference: test.runtime.executor) { try await server.ask { $1.reply(-1) } }
            await test.settle()
            let outcomes = (1...6).map { server.cast(.note($0)) }
            let expected: [SendOutcome] = [.queued, .queued, .queued] + Array(repeating: .displacedOldest, count: 3)
            #expect(outcomes == expected)
            #expect(test.runtime.statistics.discarded == 3)
            gate.open()
            #expect(try await call.value == -1)
            #expect(try await server.call { .seen($0) } == [4, 5, 6])
        }
    }

    @Test("dropOldest: a mailbox full of calls drops the cast, and a further call waits for room")
    func fullOfCalls() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(.dropOldest, gate, capacity: 2)
            let calls = (0..<2).map { _ in Task { try await server.ask { $1.reply(1) } } }
            await test.timersArmed(2)
            #expect(server.cast(.note(1)) == .full)
            let third = Task { try await server.ask { $1.reply(2) } }
            await test.timersArmed(3)
            gate.open()
            for call in calls { #expect(try await call.value == 1) }
            #expect(try await third.value == 2)
        }
    }

    @Test("a call that waits for room times out within its own timeout, and no room is lost", arguments: [0, 1])
    func callTimesOut(_ index: Int) async throws {
        let overflow: MailboxPolicy.Overflow = index == 0 ? .dropNewest : .dropOldest
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(overflow, gate, capacity: 1)
            let sent = test.runtime.statistics.sent
            let queued = Task { try await server.ask(timeout: nil) { $1.reply(1) } }
            // Before any cast: one on its way holds the room, and the call would wait behind those that displace it.
            await eventually { test.runtime.statistics.sent == sent + 1 }
            #expect(server.cast(.note(0)) == .full)
            let second = Task { await reason { try await server.ask(timeout: .seconds(1)) { $1.reply(2) } } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            #expect(await second.value == "timeout")
            gate.open()
            #expect(try await queued.value == 1)
            for value in 0..<10 { #expect(try await server.ask { $1.reply(value) } == value) }
        }
    }

    @Test(
        "100,000 casts of 4 senders: handled and counted as lost add up exactly", .tags(.stress), arguments: [0, 1, 2])
    func exactCounts(_ index: Int) async throws {
        let overflow: MailboxPolicy.Overflow = [.reject, .dropNewest, .dropOldest][index]
        try await withRuntime { test in
            let options = StartOptions(mailbox: .bounded(16, whenFull: overflow))
            let server = try await Counter.start(0, options: options)
            let counts = await withTaskGroup(of: (queued: Int, displaced: Int, full: Int).self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var (queued, displaced, full) = (0, 0, 0)
                        for _ in 0..<25_000 {
                            switch server.cast(.add(1)) {
                            case .queued: queued += 1
                            case .displacedOldest: displaced += 1
                            case .full: full += 1
                            case .noProcess: Issue.record("the server has ended")
                            }
                        }
                        return (queued, displaced, full)
                    }
                }
                return await group.reduce((0, 0, 0)) { ($0.0 + $1.queued, $0.1 + $1.displaced, $0.2 + $1.full) }
            }
            await test.settle()
            #expect(try await server.get() == counts.0)
            await test.settle()
            let statistics = test.runtime.statistics
            #expect(statistics.refused == UInt64(counts.2))
            #expect(statistics.discarded == UInt64(counts.1))
        }
    }

    @Test("stop and exit signals reach a full server (R15)")
    func systemMessages() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(.reject, gate, capacity: 1)
            #expect(server.cast(.note(1)) == .queued)
            let stop = Task { await reason { try await server.stop() } }
            gate.open()
            #expect(await stop.value == "none")
        }
    }

    @Test(
        "an unbounded mailbox is reported once when it first reaches its high-water mark, and again after it was empty")
    func highWater() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin(options: StartOptions(mailbox: .unbounded(highWater: 1_000)))
            for (messages, reports) in [(900, 0), (5_000, 1), (5_000, 2)] {
                let gate = Gate()
                await server.hold(at: gate)
                for number in 1...messages { server.cast(.note(number)) }
                gate.open()
                await test.settle()
                #expect(test.runtime.context.highWaterReports.load(ordering: .relaxed) == reports)
            }
        }
    }

    @Test("every message in a flooded mailbox is destroyed when the server ends", .tags(.leak))
    func payloads() async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.busy(.dropOldest, gate, capacity: 8)
            for _ in 0..<100 {
                let tracked = Tracked(census)
                server.tell { _ in
                    _ = tracked
                    return .wait
                }
            }
            #expect(census.total == 100)
            #expect(census.alive == 8)
            server.pid.kill()
            gate.open()
            await eventually { census.alive == 0 }
        }
    }
}
