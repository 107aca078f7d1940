// SPDX-License-Identifier: Apache-2.0
// A server that ends fails all its pending calls at once: the running one, the queued ones and the deferred ones.

import Testing

@testable import Martlet

@Suite("Death of a server with pending calls", .tags(.parity), .timeLimit(.minutes(5)))
struct ServerDeathTests {
    /// How the server ends.
    enum End: String, CaseIterable, Sendable {
        case thrown, stopped, exitSignalThrown, killed, exited, stopCall

        var expected: String {
            switch self {
            case .thrown: "exited: error (Failure)"
            case .stopped: "exited: shutdown"
            case .exitSignalThrown: "exited: normal"
            case .killed: "exited: killed"
            case .exited: "exited: error (Failure)"
            case .stopCall: "exited: normal"
            }
        }

        /// In the handler that ends the server.
        func next() throws -> Next {
            switch self {
            case .thrown: throw Failure()
            case .stopped: .stop(.shutdown)
            case .exitSignalThrown: throw ExitSignal(.normal)
            case .killed, .exited, .stopCall: .wait
            }
        }
    }

    @Test(
        "running, queued and deferred calls fail at once with the server's reason, no timer involved (R3)",
        arguments: End.allCases)
    func allPending(_ end: End) async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            let deferred = Task { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 1 }
            let running = Task {
                await reason {
                    try await server.ask(timeout: nil) { _, _ in
                        gate.pass()
                        return try end.next()
                    }
                }
            }
            await gate.arrived()
            if end == .stopCall { Task { try await server.stop() } }
            let queued = (0..<10).map { _ in
                Task(executorPreference: test.runtime.executor) {
                    await reason { try await server.ask(timeout: nil) { $1.reply(1) } }
                }
            }
            await test.settle()
            switch end {
            case .killed: server.pid.kill()
            case .exited: server.pid.exit(.error(Failure()))
            default: gate.open()
            }
            // A stop is queued behind what was sent before it, so these may or may not have been answered.
            for call in queued {
                let reason = await call.value
                #expect(reason == end.expected || (end == .stopCall && reason == "none"))
            }
            #expect(await running.value == end.expected)
            #expect(await deferred.value == end.expected)
            gate.open()
            #expect(await reason { try await server.ask { $1.reply(1) } } == "no process")
        }
    }

    @Test("a server stopped while 1,000 callers wait fails each of them once")
    func thousandWaiting() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let reasons = await withTaskGroup(of: String.self) { group in
                for _ in 0..<1_000 {
                    group.addTask { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
                }
                await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 1_000 }
                try? await server.stop()
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(reasons == ["exited: normal": 1_000])
        }
    }

    @Test("a server that throws while 1,000 requests are queued fails each of them once")
    func thousandQueued() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            server.tell { _ in
                gate.pass()
                throw Failure()
            }
            await gate.arrived()
            let reasons = await withTaskGroup(of: String.self) { group in
                for _ in 0..<1_000 {
                    group.addTask(executorPreference: test.runtime.executor) {
                        await reason { try await server.ask(timeout: nil) { $1.reply(1) } }
                    }
                }
                // The workers sleep when the calls are in the mailbox; they are counted a moment before.
                await test.settle()
                gate.open()
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(reasons == ["exited: error (Failure)": 1_000])
        }
    }

    @Test("waitForExit tells the reason, and noProcess for one that is gone")
    func waitForExit() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            async let reason = server.pid.waitForExit()
            server.tell { _ in .stop(.shutdown) }
            // It may be registered before or after the end.
            let text = "\(try await reason)"
            #expect(text == "shutdown" || text == "no process")
            // Whoever asks while its last messages are drained still hears the reason.
            await eventually { (try? await server.pid.waitForExit()).map { "\($0)" } == "no process" }
        }
    }
}
