// SPDX-License-Identifier: Apache-2.0
// The state of an async server: it may be noncopyable, need not be Sendable, and is destroyed whatever ends the process.

import Testing

@testable import Martlet

@Suite("State of an async server", .tags(.leak), .timeLimit(.minutes(5)))
struct AsyncStateTests {
    /// Holds a resource that cannot be copied, and an object that is not Sendable.
    struct Holder: AsyncGenServer, ~Copyable {
        typealias Act = nonisolated(nonsending) @Sendable (From<Int>) async throws -> Next
        enum Call { case act(From<Int>, Act) }
        final class Log { var lines = 0 }
        struct Setup: Sendable {
            let census: Census
            var fails = false
            var gate: AsyncGate?
        }
        let resource: TrackedResource
        let log = Log()
        nonisolated(nonsending) init(_ setup: Setup) async throws {
            resource = TrackedResource(setup.census)
            if let gate = setup.gate { await gate.passDeaf() }
            if setup.fails { throw Failure() }
        }
        nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
            let log = log
            log.lines += 1
            switch call {
            case .act(let from, let body): return try await body(from)
            }
        }
    }

    /// How a server can end.
    enum End: CaseIterable, Sendable {
        case stop, stopNext, thrown, killIdle, killSuspended, killDeaf, exitSuspended, exitSignal, shutdown
        case shutdownSuspended
    }

    @Test("a noncopyable state is destroyed once in every ending (S10, S44)", arguments: End.allCases)
    func destroyed(_ end: End) async throws {
        let census = Census()
        let gate = AsyncGate()
        let deadline: Duration = end == .shutdownSuspended ? .zero : .seconds(10)
        try await withRuntime(deadline: deadline) { test in
            let server = try await Holder.start(Holder.Setup(census: census))
            #expect(census.alive == 1)
            switch end {
            case .stop: try await server.stop()
            case .stopNext: _ = try await server.call { .act($0) { $0.reply(1, then: .stop()) } }
            case .thrown: _ = await reason { try await server.call { .act($0) { _ in throw Failure() } } }
            case .killIdle: server.pid.kill()
            case .exitSignal: server.pid.exit(.shutdown)
            case .killSuspended, .killDeaf, .exitSuspended, .shutdownSuspended:
                let isDeaf = end == .killDeaf
                let call = Task {
                    await reason {
                        try await server.call(timeout: nil) {
                            .act($0) {
                                if isDeaf { await gate.passDeaf() } else { try await gate.pass() }
                                return $0.reply(1)
                            }
                        }
                    }
                }
                await gate.arrived()
                if end == .shutdownSuspended { return }
                end == .exitSuspended ? server.pid.exit(.shutdown) : server.pid.kill()
                _ = try await server.pid.waitForExit()
                #expect(await call.value == (end == .exitSuspended ? "exited: shutdown" : "exited: killed"))
                if isDeaf {
                    // The handler still uses it.
                    #expect(census.alive == 1)
                    gate.open()
                }
            case .shutdown: return
            }
            await eventually { census.alive == 0 }
        }
        await eventually { census.alive == 0 }
        #expect(census.total == 1)
    }

    @Test("a state that init began to make is destroyed when init throws or is killed (S32)", arguments: [false, true])
    func initFails(killed: Bool) async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = AsyncGate()
            let name: Holder.Name = "async half"
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
            let gate = AsyncGate()
            let name: Holder.Name = "async stuck"
            let starter = Task {
                do throws(StartError) {
                    _ = try await Holder.start(Holder.Setup(census: census, gate: gate), name: name)
                } catch {}
            }
            await gate.arrived()
            name.ref?.pid.kill()
            await starter.value
            // Enough to use every slot that was freed.
            var successors: [AsyncDesk.Ref] = []
            for number in 0..<100 {
                let server = try await AsyncDesk.begin()
                server.cast(.note(number))
                successors.append(server)
            }
            gate.open()
            await eventually { census.alive == 0 }
            for (number, server) in successors.enumerated() { #expect(try await server.call { .seen($0) } == [number]) }
        }
    }
}
