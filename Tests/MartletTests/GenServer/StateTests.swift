// SPDX-License-Identifier: Apache-2.0
// The state of a server: it may be noncopyable, and is destroyed whatever ends the process.

import Testing

@testable import Martlet

@Suite("State", .tags(.leak), .timeLimit(.minutes(5)))
struct StateTests {
    /// Holds a resource that cannot be copied.
    struct Holder: GenServer, ~Copyable {
        enum Call { case act(From<Int>, @Sendable (From<Int>) throws -> Next) }
        struct Setup: Sendable {
            let census: Census
            var fails = false
            var gate: Gate?
        }
        let resource: TrackedResource
        init(_ setup: Setup) throws {
            resource = TrackedResource(setup.census)
            setup.gate?.pass()
            if setup.fails { throw Failure() }
        }
        mutating func handleCall(_ call: Call) throws -> Next {
            switch call {
            case .act(let from, let body): try body(from)
            }
        }
    }

    /// How a server can end.
    enum End: CaseIterable, Sendable {
        case stop, stopNext, thrown, killIdle, killStuck, killHoldingWorker, exitSignal, shutdown
    }

    @Test("a noncopyable state is destroyed once in every ending (S10, S44)", arguments: End.allCases)
    func destroyed(_ end: End) async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Holder.start(Holder.Setup(census: census))
            #expect(census.alive == 1)
            switch end {
            case .stop: try await server.stop()
            case .stopNext: _ = try await server.call { .act($0) { $0.reply(1, then: .stop()) } }
            case .thrown: _ = await reason { try await server.call { .act($0) { _ in throw Failure() } } }
            case .killIdle: server.pid.kill()
            case .exitSignal: server.pid.exit(.shutdown)
            case .killStuck, .killHoldingWorker:
                let holdsWorker = end == .killHoldingWorker
                async let stuck = reason {
                    try await server.call(timeout: nil) {
                        .act($0) {
                            holdsWorker ? gate.passHoldingWorker() : gate.pass()
                            return $0.reply(1)
                        }
                    }
                }
                await gate.arrived()
                server.pid.kill()
                _ = try await server.pid.waitForExit()
                let outcome = await stuck
                #expect(outcome == "exited: killed")
                // The handler still uses it.
                #expect(census.alive == 1)
                gate.open()
            case .shutdown: return
            }
            await eventually { census.alive == 0 }
        }
        #expect(census.alive == 0)
        #expect(census.total == 1)
    }

    @Test("a state that init began to make is destroyed when init throws or is killed (S32)", arguments: [false, true])
    func initFails(killed: Bool) async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let name: Holder.Name = "half"
            let setup = Holder.Setup(census: census, fails: !killed, gate: killed ? gate : nil)
            let starter = Task {
                do throws(StartError) {
                    _ = try await Holder.start(setup, name: name)
                    return "started"
                } catch { return "\(error)" }
            }
            if killed {
                await gate.arrived()
                name.ref?.pid.kill()
            }
            #expect(await starter.value == (killed ? "exited: killed" : "failed (Failure)"))
            gate.open()
            await eventually { census.alive == 0 }
        }
        #expect(census.total == 1)
    }

    @Test("an init that returns after its kill does not touch the process that has its slot now")
    func slotReused() async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let name: Holder.Name = "stuck"
            let starter = Task {
                do throws(StartError) {
                    _ = try await Holder.start(Holder.Setup(census: census, gate: gate), name: name)
                } catch {}
            }
            await gate.arrived()
            name.ref?.pid.kill()
            await starter.value
            // Slots are reused last in, first out: one of these has it.
            var counters: [Counter.Ref] = []
            for count in 0..<200 { counters.append(try await Counter.start(count)) }
            gate.open()
            await eventually { census.alive == 0 }
            for (count, counter) in counters.enumerated() { #expect(try await counter.get() == count) }
        }
    }

    @Test("a stuck handler's effects end with the kill: it can neither reply, send, start nor arm timers (R13)")
    func fenced() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let other = try await Desk.begin()
            let record = Record()
            let server = try await Desk.begin()
            let call = Task {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        gate.pass()
                        other.cast(.note(1))
                        other.send(2)
                        other.sendAfter(.seconds(1), 3)
                        from.reply(4)
                        if (try? Counter.start(1)) != nil { record.add("started") }
                        if (try? other.askBlocking { $1.reply(1) }) != nil { record.add("called") }
                        record.add("returned")
                        return .wait
                    }
                }
            }
            await gate.arrived()
            server.pid.kill()
            #expect(await call.value == "exited: killed")
            let spawns = test.runtime.statistics.spawns
            gate.open()
            await eventually { record.all.last == "returned" }
            await test.advance(by: .seconds(2))
            #expect(record.all == ["returned"])
            #expect(try await other.call { .seen($0) } == [])
            #expect(test.runtime.statistics.spawns == spawns)
        }
    }

    @Test("100 kills of handlers at their end: every state ends, every call ends once, answered or failed")
    func manyStuck() async throws {
        let census = Census()
        try await withRuntime { test in
            for _ in 0..<100 {
                let gate = Gate()
                let server = try await Holder.start(Holder.Setup(census: census))
                let call = Task {
                    await reason {
                        try await server.call(timeout: nil) {
                            .act($0) {
                                gate.pass()
                                return $0.reply(1)
                            }
                        }
                    }
                }
                await gate.arrived()
                server.pid.kill()
                gate.open()
                // A reply that comes before the end is announced is heard.
                let outcome = await call.value
                #expect(outcome == "exited: killed" || outcome == "none")
            }
            await eventually { census.alive == 0 }
        }
        #expect(census.total == 100)
    }
}
