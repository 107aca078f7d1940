// SPDX-License-Identifier: Apache-2.0
// Registries and ends: of owners, of the registry's process, of runtimes.

import Testing

@testable import Martlet

@Suite("Registry and ends", .timeLimit(.minutes(5)))
struct RegistryLifeTests {
    let numbers = Registry<String, Int>("numbers")

    /// The registry's process.
    private func server<Key, Value>(_ registry: Registry<Key, Value>) throws -> Pid {
        try #require(registry.places.resolve())
    }

    @Test(
        "a dead owner is never seen and never in the way, also before clean-up ran (R20)", .tags(.parity),
        arguments: ["kill", "exit", "end"])
    func deadOwner(_ end: String) async throws {
        try await withRuntime { _ in
            try await numbers.start()
            // Nobody cleans up: the registry's process does not come to it.
            try await server(numbers).sys.suspend()
            for round in 0..<20 {
                let owner = Subscriber()
                #expect(await owner.register(numbers, "a", round) == nil)
                switch end {
                case "kill": owner.pid.kill()
                case "exit": owner.pid.exit(.shutdown)
                default: owner.ref.send { Pid.current?.exit(.normal) }
                }
                _ = try await owner.pid.waitForExit()
                #expect(numbers.pid("a") == nil && numbers.entries("a").isEmpty)
                #expect(numbers.keys(of: owner.pid).isEmpty)
                #expect(numbers.select { _, _ in true }.isEmpty)
            }
            let last = Subscriber()
            #expect(await last.register(numbers, "a", 100) == nil)
            #expect(numbers.pid("a") == last.pid)
            try await server(numbers).sys.resume()
            await eventually { numbers.places.tables.current?.entries.index.processes.map { $0.pid } == [last.pid.raw] }
            #expect(numbers.entries("a").map(\.value) == [100] && numbers.count == 1)
        }
    }

    @Test("entries vanish with their owner though nobody looks: nothing of them is left (R20)", .tags(.parity, .leak))
    func noLeak() async throws {
        try await withRuntime { test in
            let census = Census()
            let tracked = Registry<Int, Tracked>("tracked", .duplicate)
            try await tracked.start()
            for _ in 0..<20 {
                let owners = (0..<20).map { _ in Subscriber() }
                for owner in owners {
                    await owner.run {
                        for key in 0..<10 { try? tracked.register(key, Tracked(census)) }
                        tracked.unregister(3)
                    }
                }
                await left(20 * 9, of: census, test)
                for owner in owners { await owner.kill() }
                await left(0, of: census, test)
            }
            #expect(census.total == 4_000 && tracked.count == 0)
            #expect(tracked.places.tables.current?.entries.index.processes.map { $0.pid } == [])
        }
    }

    @Test("a registry that is not started says so, and nothing is found")
    func notStarted() async throws {
        try await withRuntime { _ in
            let owner = Subscriber()
            #expect(await owner.register(numbers, "a", 1).isNotStarted)
            #expect(numbers.pid("a") == nil && numbers.entries("a").isEmpty && numbers.count == 0)
            #expect(numbers.keys(of: owner.pid).isEmpty && numbers.select { _, _ in true }.isEmpty)
            await owner.run { numbers.unregister("a") }
            #expect(await owner.run { numbers.update("a") { $0 } } == nil)
            numbers.dispatch("a") { _ in Issue.record("there are no entries") }
            for await _ in numbers.events() {}
        }
    }

    @Test("it is started once a runtime; the second is told who runs")
    func startedTwice() async throws {
        try await withRuntime { _ in
            try await numbers.start()
            let told = await reason { try await numbers.start() }
            #expect(told == "already started: \(try server(numbers))")
            #expect(try server(numbers).status?.label == "numbers")
        }
    }

    @Test("stopped, it forgets all, ends their values, and can be started again")
    func stopped() async throws {
        try await withRuntime { _ in
            let census = Census()
            let tracked = Registry<Int, Tracked>("tracked")
            let owner = Subscriber()
            for round in 0..<3 {
                try await tracked.start()
                #expect(tracked.pid(1) == nil)
                #expect(await owner.run { (try? tracked.register(1, Tracked(census))) != nil })
                #expect(tracked.pid(1) == owner.pid)
                try await tracked.places.stop()
                #expect(tracked.pid(1) == nil && tracked.count == 0)
                // A reader of another test may stay inside for longer than the stop waits.
                await eventually {
                    tracked.places.tables.limbo.sweep()
                    return census.alive == 0
                }
                #expect(census.total == round + 1)
            }
        }
    }

    @Test("its process killed: all goes on, entries stay for the next one, which hears of every end")
    func restarted() async throws {
        try await withRuntime { _ in
            let child = numbers.child
            #expect(child.id == "numbers")
            let (first, second) = (Subscriber(), Subscriber())
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                let pid = try await child.start()
                #expect(await first.register(numbers, "a", 1) == nil)
                #expect(await second.register(numbers, "b", 2) == nil)
                pid.kill()
                _ = try await pid.waitForExit()
                #expect(numbers.pid("a") == first.pid && numbers.pid("b") == second.pid)
                #expect(await first.register(numbers, "c", 3) == nil)
                #expect(await second.register(numbers, "d", 4) == nil)
                // Ends while nobody watches.
                await second.kill()
                #expect(numbers.pid("b") == nil && numbers.pid("d") == nil)

                let next = try await child.start()
                #expect(next != pid)
                #expect(numbers.pid("a") == first.pid && numbers.entries("a").map(\.value) == [1])
                #expect(numbers.pid("c") == first.pid)
                await eventually { numbers.count == 2 }
                await first.kill()
                await eventually { numbers.count == 0 }
                #expect(numbers.places.tables.current?.entries.index.processes.map { $0.pid } == [])
                next.exit(.shutdown)
                _ = try await next.waitForExit()
            }
        }
    }

    @Test("two runtimes have the same registry, each with entries of its own (S40)", .tags(.parity))
    func perRuntime() async throws {
        try await withRuntime { _ in
            try await numbers.start()
            let outer = Subscriber()
            _ = await outer.register(numbers, "a", 1)
            try await withRuntime { _ in
                #expect(numbers.pid("a") == nil)
                let inner = Subscriber()
                #expect(await inner.register(numbers, "a", 2).isNotStarted)
                try await numbers.start()
                #expect(await inner.register(numbers, "a", 2) == nil)
                #expect(numbers.pid("a") == inner.pid)
                // Code of a process finds what its runtime has.
                #expect(await outer.run { numbers.pid("a") } == outer.pid)
            }
            #expect(numbers.entries("a").map(\.value) == [1])
        }
    }

    @Test(
        "a server by key has it before init, is refused when it is taken, and leaves it free (R1, R20, S23)",
        .tags(.parity))
    func via() async throws {
        try await withRuntime { _ in
            let servers = Registry<String, Void>("servers")
            let name = Desk.Name.via(servers, "c-1")
            #expect("\(name)" == "servers[c-1]")
            #expect(name.ref == nil)
            guard case .failed(RegistryError.notStarted)? = await startError({ try await Desk.begin(name: name) })
            else {
                Issue.record("expected notStarted")
                return
            }
            try await servers.start()
            let record = Record(Bool.self)
            let server = try await Desk.begin(name: name) {
                $0.begin = { _ in record.add(servers.pid("c-1") == Pid.current) }
            }
            #expect(record.all == [true] && name.ref == server)
            #expect(try await name.ask { $1.reply(3) } == 3)
            #expect(await reason { try await Desk.begin(name: name) } == "already started: \(server.pid)")
            #expect(servers.keys(of: server.pid) == ["c-1"])
            for end in 0..<3 {
                guard let server = name.ref else { break }
                switch end {
                case 0: try await server.stop()
                case 1: server.tell { _ in throw Failure() }
                default: server.pid.kill()
                }
                _ = try await server.pid.waitForExit()
                #expect(servers.pid("c-1") == nil)
                let next = try await Desk.begin(name: name)
                #expect(name.ref == next)
            }
            _ = await reason {
                try await Desk.begin(name: .via(servers, "ignored")) { $0.begin = { _ in throw Ignore() } }
            }
            #expect(servers.pid("ignored") == nil)
        }
    }

    @Test("a server by key registers its value again at each start")
    func viaValue() async throws {
        try await withRuntime { _ in
            try await numbers.start()
            let name = Desk.Name.via(numbers, "a", value: 7)
            let server = try await Desk.begin(name: name)
            #expect(numbers.entries("a").map(\.value) == [7])
            server.tell { _ in
                numbers.update("a") { $0 + 1 }
                return .wait
            }
            await eventually { numbers.entries("a").map(\.value) == [8] }
            server.pid.kill()
            _ = try await server.pid.waitForExit()
            _ = try await Desk.begin(name: name)
            #expect(numbers.entries("a").map(\.value) == [7])
        }
    }

    /// Until so many are left: what a reader of another test held back is looked at again a millisecond later.
    private func left(_ count: Int, of census: Census, _ test: TestRuntime) async {
        await eventually {
            await test.advance(by: .milliseconds(2))
            return census.alive == count
        }
    }

    private func startError(_ start: () async throws -> Desk.Ref) async -> StartError? {
        do { _ = try await start() } catch { return error as? StartError }
        return nil
    }
}
