// SPDX-License-Identifier: Apache-2.0
// Orderly ends of an async server: stop, throw, terminate.

import Testing

@testable import Martlet

@Suite("Stop and terminate of an async server", .tags(.parity), .timeLimit(.minutes(5)))
struct AsyncStopTests {
    @Test("stop runs terminate, which may suspend, and returns when the server is down and its name free (R15, S33)")
    func stop() async throws {
        try await withRuntime { _ in
            let name: AsyncDesk.Name = "async stop"
            let record = Record()
            for reason in [ExitReason.normal, .shutdown] {
                let server = try await AsyncDesk.begin(name: name) {
                    $0.terminate = { _, reason in
                        await Task.yield()
                        record.add("\(reason), named: \(name.ref != nil)")
                    }
                }
                if case .normal = reason { try await server.stop() } else { try await name.stop(reason) }
                #expect(!server.pid.isAlive)
                #expect(name.ref == nil)
            }
            #expect(record.all == ["normal, named: true", "shutdown, named: true"])
        }
    }

    @Test("stop of oneself fails with callingSelf; without a timeout it waits for ever, with one it fails (R15)")
    func failures() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin { $0.terminate = { _, _ in try await gate.pass() } }
            let record = Record()
            _ = try await server.ask { _, from in
                await Task.yield()
                record.add(await reason { try await AsyncDesk.current.stop() })
                return from.reply(1)
            }
            #expect(record.all == ["calling itself"])
            let patient = Task { await reason { try await server.stop() } }
            await gate.arrived()
            let hasty = Task { await reason { try await server.stop(timeout: .seconds(2)) } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(3))
            #expect(await hasty.value == "timeout")
            gate.open()
            #expect(await patient.value == "none")
        }
    }

    @Test("a reply with a stop is delivered after terminate (R10), also when the handler had suspended")
    func parkedReply() async throws {
        try await withRuntime { _ in
            for suspends in [false, true] {
                let record = Record()
                let server = try await AsyncDesk.begin {
                    $0.terminate = { _, _ in
                        await Task.yield()
                        record.add("terminate")
                    }
                }
                let reply = try await server.ask { _, from in
                    if suspends { await Task.yield() }
                    return from.reply(7, then: .stop(.shutdown))
                }
                record.add("\(reply)")
                #expect(record.all == ["terminate", "7"])
                let reason = try await server.pid.waitForExit()
                #expect(["shutdown", "no process"].contains("\(reason)"))
            }
        }
    }

    @Test("a kill between the handler and the end of terminate fails a parked reply (R10, R11)")
    func parkedReplyFails() async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin { $0.terminate = { _, _ in try await gate.pass() } }
            let call = Task { await reason { try await server.ask(timeout: nil) { $1.reply(7, then: .stop()) } } }
            await gate.arrived()
            server.pid.kill()
            #expect(await call.value == "exited: killed")
        }
    }

    /// What a callback may throw, and what is heard of it.
    @Test("a throw ends the server with its reason, terminate included, its calls fail (R11, R16)")
    func thrown() async throws {
        try await withRuntime { _ in
            for (error, text): (any Error & Sendable, String) in [
                (Failure(), "error (Failure)"), (ExitSignal(.shutdown), "shutdown"),
            ] {
                let record = Record()
                let server = try await AsyncDesk.begin { $0.terminate = { _, reason in record.add("\(reason)") } }
                let outcome = await reason {
                    try await server.ask { _, _ in
                        await Task.yield()
                        throw error
                    }
                }
                #expect(outcome == "exited: \(text)")
                #expect(record.all == [text])
            }
        }
    }

    @Test("when terminate throws, the stopper fails with that reason (R15)")
    func terminateThrows() async throws {
        try await withRuntime { _ in
            let server = try await AsyncDesk.begin { $0.terminate = { _, _ in throw Failure() } }
            #expect(await reason { try await server.stop() } == "exited: error (Failure)")
        }
    }

    @Test("messages behind a stop are dead letters, their calls fail with its reason")
    func behindStop() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            server.tell { _ in
                try await gate.pass()
                return .stop(.shutdown)
            }
            await gate.arrived()
            for number in 0..<10 { server.cast(.note(number)) }
            // On a worker, which sleeps when the call is in the mailbox; it is counted a moment before.
            let call = Task(executorPreference: test.runtime.executor) {
                await reason { try await server.ask(timeout: nil) { $1.reply(1) } }
            }
            await test.settle()
            gate.open()
            #expect(await call.value == "exited: shutdown")
            await test.settle()
            #expect(test.runtime.statistics.discarded == 11)
        }
    }

    @Test("a shutdown of the runtime stops async servers in order: terminate runs, behind what was sent")
    func shutdown() async throws {
        let record = Record([Int].self)
        try await withRuntime { _ in
            for _ in 0..<10 {
                let server = try await AsyncDesk.begin {
                    $0.terminate = { state, _ in
                        await Task.yield()
                        record.add(state.seen)
                    }
                }
                for number in 0..<10 {
                    server.tell {
                        await Task.yield()
                        $0.seen.append(number)
                        return .wait
                    }
                }
            }
        }
        #expect(record.all == Array(repeating: Array(0..<10), count: 10))
    }
}
