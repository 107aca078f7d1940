// SPDX-License-Identifier: Apache-2.0
// Waits that end because their Swift task was cancelled: before, at and after the moment it begins to wait.

import Testing

@testable import Martlet

@Suite("Cancellation of the waiting task", .timeLimit(.minutes(5)))
struct CancellationTests {
    @Test("a call fails with cancelled when its task is cancelled, and its late reply vanishes (R4)")
    func whileWaiting() async throws {
        try await withRuntime { _ in
            let gate = Gate()
            let server = try await Desk.begin()
            let call = Task {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        gate.pass()
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            call.cancel()
            #expect(await call.value == "cancelled")
            gate.open()
            #expect(try await server.ask { $1.reply(2) } == 2)
        }
    }

    /// What a task can wait for.
    enum Wait: CaseIterable, Sendable {
        case call, fullCall, castWaiting, exit
    }

    @Test("in a task that was cancelled before, a wait ends at once and is not sent", arguments: Wait.allCases)
    func before(_ wait: Wait) async throws {
        try await withRuntime { test in
            let gate = Gate()
            let options = StartOptions(mailbox: .bounded(1, whenFull: .dropNewest))
            let server = try await Desk.begin(options: options)
            await server.hold(at: gate)
            if wait != .call { server.cast(.note(1)) }
            let task = Task {
                await eventually { Task.isCancelled }
                do {
                    switch wait {
                    case .call, .fullCall: _ = try await server.ask(timeout: nil) { $0.postpone($1) }
                    case .castWaiting: try await server.castWaiting(.note(2), timeout: nil)
                    case .exit: _ = try await server.pid.waitForExit()
                    }
                    return "done"
                } catch let error as CallError { return "\(error.reason)" } catch { return "\(error)" }
            }
            task.cancel()
            let expected = wait == .exit ? "CancellationError()" : "cancelled"
            #expect(await task.value == expected)
            gate.open()
            await test.settle()
            // No room was lost: one message fits, and only one.
            await server.hold(at: gate)
            #expect(server.cast(.note(3)) == .queued)
            #expect(server.cast(.note(4)) == .full)
            gate.open()
            #expect(try await server.call { .seen($0) } == (wait == .call ? [3] : [1, 3]))
        }
    }

    @Test("calls cancelled at any moment end exactly once, with the reply or cancelled", .tags(.stress))
    func race() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            for _ in 0..<20 {
                let outcomes = await withTaskGroup(of: String.self) { group in
                    for _ in 0..<50 {
                        group.addTask { await reason { try await server.ask(timeout: nil) { $1.reply(1) } } }
                    }
                    group.cancelAll()
                    return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
                }
                #expect(outcomes["none", default: 0] + outcomes["cancelled", default: 0] == 50)
            }
        }
    }

    @Test("stop fails with cancelled when its task is cancelled; the server stops all the same (R15)")
    func stop() async throws {
        try await withRuntime { _ in
            let gate = Gate()
            let server = try await Desk.begin { $0.terminate = { _, _ in gate.pass() } }
            let stop = Task { await reason { try await server.stop() } }
            await gate.arrived()
            stop.cancel()
            #expect(await stop.value == "cancelled")
            gate.open()
            #expect("\(try await server.pid.waitForExit())" != "killed")
            #expect(!server.pid.isAlive)
        }
    }
}
