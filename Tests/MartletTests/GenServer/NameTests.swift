// SPDX-License-Identifier: Apache-2.0
// Names of servers: who has them, in which runtime, and when they are free.

import Testing

@testable import Martlet

@Suite("Names", .tags(.parity), .timeLimit(.minutes(5)))
struct NameTests {
    static let name: Counter.Name = "name-tests"

    @Test("all that a reference can do, a name can (S11, S39, S40)")
    func asAddress() async throws {
        try await withRuntime { _ in
            let server = try await Counter.start(1, name: Self.name)
            #expect(Self.name.ref == server)
            #expect(Self.name.cast(.add(2)) == .queued)
            try await Self.name.castWaiting(.add(3))
            #expect(try await Self.name.get() == 6)
            try await Self.name.stop()
            #expect(Self.name.ref == nil)
            #expect(Self.name.cast(.reset) == .noProcess)
            #expect(await reason { try await Self.name.stop() } == "no process")
        }
    }

    @Test(
        "a name is free at once for a successor, whatever ended the server; old references do not reach it (R1, R20)",
        arguments: ["stop", "throw", "kill", "exit"])
    func successor(after end: String) async throws {
        try await withRuntime { _ in
            let name: Desk.Name = "succession"
            for round in 0..<50 {
                let server = try await Desk.begin(name: name)
                switch end {
                case "stop": try await server.stop()
                case "throw": _ = await reason { try await server.ask { _, _ in throw Failure() } }
                case "kill":
                    server.pid.kill()
                    _ = try await server.pid.waitForExit()
                default:
                    server.pid.exit(.shutdown)
                    _ = try await server.pid.waitForExit()
                }
                let next = try await Desk.begin(name: name)
                #expect(try await name.ask { $1.reply(round) } == round)
                #expect(await reason { try await server.ask { $1.reply(0) } } == "no process")
                try await next.stop()
            }
        }
    }

    @Test("a name belongs to a runtime: two servers have the same one in two runtimes (S40)")
    func perRuntime() async throws {
        try await withRuntime { _ in
            let first = try await Counter.start(1, name: Self.name)
            try await withRuntime { _ in
                #expect(Self.name.ref == nil)
                let second = try await Counter.start(2, name: Self.name)
                #expect(try await Self.name.get() == 2)
                #expect(second != first)
                // Pids are unique over all runtimes.
                #expect(try await first.get() == 1)
            }
            #expect(try await Self.name.get() == 1)
        }
    }

    @Test("a handler resolves names in its own runtime")
    func inHandler() async throws {
        try await withRuntime { _ in
            let desk = try await Desk.begin()
            _ = try await Counter.start(7, name: Self.name)
            try await withRuntime { _ in
                #expect(Self.name.ref == nil)
                let count = try await desk.ask { _, from in from.reply(try Self.name.call { .get($0) }) }
                #expect(count == 7)
            }
        }
    }

    /// One name, kept by the test.
    final class Directory: NameResolver {
        private let holder = _Locked<Pid?>(nil)
        let description = "directory"

        func register(_ pid: Pid) -> Pid? {
            holder.withLock { holder in
                if let holder { return holder }
                holder = pid
                return nil
            }
        }
        func unregister(_ pid: Pid) { holder.withLock { if $0 == pid { $0 = nil } } }
        func resolve() -> Pid? { holder.withLock { $0 } }
    }

    @Test("a via name is registered before init, refuses a second server, and is free after the end (R1, R20, S23)")
    func via() async throws {
        try await withRuntime { _ in
            let directory = Directory()
            let name = Desk.Name(directory)
            let record = Record(Bool.self)
            let server = try await Desk.begin(name: name) {
                $0.begin = { _ in record.add(directory.resolve() == Pid.current) }
            }
            #expect(record.all == [true])
            #expect(name.ref == server)
            #expect(try await name.ask { $1.reply(3) } == 3)
            do throws(StartError) {
                _ = try await Desk.begin(name: name)
                Issue.record("expected alreadyStarted")
            } catch {
                guard case .alreadyStarted(let holder) = error else { throw error }
                #expect(holder == server.pid)
            }
            #expect(name.ref == server)
            try await server.stop()
            #expect(directory.resolve() == nil)
            #expect(await reason { try await name.ask { $1.reply(3) } } == "no process")
            do throws(StartError) {
                _ = try await Desk.begin(name: name) { $0.begin = { _ in throw Ignore() } }
            } catch { #expect(directory.resolve() == nil) }
        }
    }

    @Test("a via name of a server killed in a stuck handler is freed when the handler returns")
    func viaKilled() async throws {
        try await withRuntime { _ in
            let directory = Directory()
            let gate = Gate()
            let server = try await Desk.begin(name: Desk.Name(directory))
            await server.hold(at: gate)
            server.pid.kill()
            _ = try await server.pid.waitForExit()
            gate.open()
            await eventually { directory.resolve() == nil }
        }
    }

    @Test("a name describes itself by its text, and an empty name traps")
    func text() async throws {
        #expect("\(Self.name)" == "name-tests")
        await #expect(processExitsWith: .failure) { _ = Counter.Name("") }
    }
}
