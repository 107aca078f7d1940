// SPDX-License-Identifier: Apache-2.0
// Calls that block a thread: from synchronous handlers, from plain threads, and where they must not.

import Testing

@testable import Martlet

@Suite("Blocking call", .timeLimit(.minutes(5)))
struct BlockingCallTests {
    /// Asks a counter from its own handler.
    struct Relay: GenServer {
        enum Call { case forward(From<Int>) }
        let counter: Counter.Ref
        init(_ counter: Counter.Ref) { self.counter = counter }
        mutating func handleCall(_ call: Call) throws -> Next {
            switch call {
            case .forward(let from): from.reply(try counter.call { .get($0) })
            }
        }
    }

    @Test("a synchronous handler can call another server, also with a single worker (R3)")
    func relay() async throws {
        try await withRuntime(workers: 1) { _ in
            let counter = try await Counter.start(7)
            let relay = try await Relay.start(counter)
            #expect(try await relay.call { .forward($0) } == 7)
        }
    }

    @Test("20 relays that wait at once do not stop one worker: spare threads stand in")
    func manyRelays() async throws {
        try await withRuntime(workers: 1) { _ in
            let gate = Gate()
            let busy = try await Desk.begin()
            await busy.hold(at: gate)
            var relays: [Desk.Ref] = []
            for _ in 0..<20 { relays.append(try await Desk.begin()) }
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for relay in relays {
                    group.addTask {
                        try await relay.ask(timeout: nil) { _, from in
                            from.reply(try busy.askBlocking(timeout: nil) { $1.reply(1) })
                        }
                    }
                }
                gate.open()
                return try await group.reduce(0, +)
            }
            #expect(sum == 20)
        }
    }

    @Test("a nested failure that is not caught ends the handler's server with it (R3)")
    func failureTravels() async throws {
        try await withRuntime { _ in
            let counter = try await Counter.start(7)
            let relay = try await Relay.start(counter)
            try await counter.stop()
            #expect(await reason { try await relay.call { .forward($0) } } == "exited: error (CallError)")
        }
    }

    @Test("a plain thread can call, cast and stop")
    func plainThread() async throws {
        try await withRuntime { _ in
            let counter = try await Counter.start(0)
            let record = Record()
            await onThread {
                do throws(CallError) {
                    for _ in 0..<100 { counter.cast(.add(1)) }
                    record.add("\(try counter.call { .increment(by: 1, $0) })")
                    try counter.castWaiting(.add(1))
                    record.add("\(try counter.call { .get($0) })")
                    try counter.stop()
                    _ = try counter.call { .get($0) }
                } catch { record.add("\(error.reason)") }
            }
            #expect(record.all == ["101", "102", "no process"])
        }
    }

    @Test("a blocking call on a plain thread times out on the clock (R3)")
    func threadTimeout() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let record = Record()
            async let done: Void = onThread {
                do throws(CallError) { _ = try server.askBlocking { $0.postpone($1) } } catch {
                    record.add("\(error.reason)")
                }
            }
            await test.timersArmed(1)
            await test.advance(by: .seconds(6))
            await done
            #expect(record.all == ["timeout"])
        }
    }

    @Test("on a thread of Swift's pool a blocking call fails with wouldBlockPool, and sends nothing")
    func wouldBlockPool() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let sent = test.runtime.statistics.sent
            // A synchronous closure inside a task picks the blocking overload.
            let call = { () throws(CallError) -> Int in try server.askBlocking { $1.reply(1) } }
            let stop = { () throws(CallError) -> Void in try server.stop() }
            #expect(await reason { try call() } == "would block Swift's cooperative pool")
            #expect(await reason { try stop() } == "would block Swift's cooperative pool")
            #expect(test.runtime.statistics.sent == sent)
        }
    }

    @Test("a server that calls itself fails at once with callingSelf, by reference and by name (S14)")
    func callingSelf() async throws {
        try await withRuntime { _ in
            let name: Desk.Name = "narcissus"
            let server = try await Desk.begin(name: name)
            let record = Record()
            let answer = try await server.ask { _, from in
                do throws(CallError) { _ = try Desk.current.askBlocking { $1.reply(1) } } catch {
                    record.add("\(error.reason)")
                }
                do throws(CallError) { _ = try name.askBlocking { $1.reply(1) } } catch {
                    record.add("\(error.reason)")
                }
                return from.reply(1)
            }
            #expect(answer == 1)
            #expect(record.all == ["calling itself", "calling itself"])
        }
    }

    @Test("without a spare thread left a blocking call in a handler fails with overloaded")
    func noSpares() async throws {
        try await withRuntime(configure: { $0.spareWorkersMax = 0 }) { _ in
            let counter = try await Counter.start(7)
            let relay = try await Relay.start(counter)
            #expect(await reason { try await relay.call { .forward($0) } } == "exited: error (CallError)")
            let server = try await Desk.begin()
            let record = Record()
            let answer = try await server.ask { _, from in
                do throws(CallError) { _ = try counter.call { .get($0) } } catch { record.add("\(error.reason)") }
                return from.reply(1)
            }
            #expect(answer == 1)
            #expect(record.all == ["overloaded"])
        }
    }
}
