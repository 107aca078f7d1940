// SPDX-License-Identifier: Apache-2.0
// Orderly ends: stop, terminate, and what they are not.

import Testing

@testable import Martlet

@Suite("Stop and terminate", .tags(.parity), .timeLimit(.minutes(5)))
struct StopTests {
    @Test("stop runs terminate with the reason, and returns when the server is down and its name free (R15, S33)")
    func stop() async throws {
        try await withRuntime { _ in
            let name: Desk.Name = "stop"
            let record = Record()
            for reason in [ExitReason.normal, .shutdown] {
                let server = try await Desk.begin(name: name) {
                    $0.terminate = { _, reason in record.add("\(reason), named: \(name.ref != nil)") }
                }
                if case .normal = reason { try await server.stop() } else { try await name.stop(reason) }
                #expect(!server.pid.isAlive)
                #expect(name.ref == nil)
            }
            #expect(record.all == ["normal, named: true", "shutdown, named: true"])
        }
    }

    @Test("stop comes after the messages that were sent before it (R15, R5)")
    func inOrder() async throws {
        try await withRuntime { _ in
            let record = Record(Int.self)
            let server = try await Desk.begin { $0.terminate = { state, _ in state.seen.forEach(record.add) } }
            for number in 0..<100 { server.cast(.note(number)) }
            try await server.stop()
            #expect(record.all == Array(0..<100))
        }
    }

    @Test("stop of a dead server fails with noProcess, of oneself with callingSelf (R15)")
    func failures() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            let record = Record()
            let answer = try await server.ask { _, from in
                do throws(CallError) { try Desk.current.stop() } catch { record.add("\(error.reason)") }
                return from.reply(1)
            }
            #expect(answer == 1)
            #expect(record.all == ["calling itself"])
            try await server.stop()
            #expect(await reason { try await server.stop() } == "no process")
        }
    }

    @Test("stop without a timeout waits for ever; with one it fails and the server still stops (R15)")
    func timeout() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin { $0.terminate = { _, _ in gate.pass() } }
            let patient = Task { await reason { try await server.stop() } }
            await gate.arrived()
            let hasty = Task { await reason { try await server.stop(timeout: .seconds(2)) } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(3))
            #expect(await hasty.value == "timeout")
            #expect(!patient.isCancelled)
            gate.open()
            #expect(await patient.value == "none")
        }
    }

    @Test("when terminate throws, the stopper fails with that reason (R15)")
    func terminateThrows() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin { $0.terminate = { _, _ in throw Failure() } }
            #expect(await reason { try await server.stop() } == "exited: error (Failure)")
            let second = try await Desk.begin { $0.terminate = { _, _ in throw ExitSignal(.shutdown) } }
            #expect(await reason { try await second.stop() } == "exited: shutdown")
        }
    }

    @Test("two stops at once both return when the server is down (R15)")
    func twoStops() async throws {
        try await withRuntime { _ in
            for _ in 0..<100 {
                let server = try await Desk.begin()
                async let first = reason { try await server.stop() }
                async let second = reason { try await server.stop() }
                // The second may find it gone, or end with it.
                let outcomes = Set([await first, await second])
                #expect(outcomes.contains("none"))
                #expect(outcomes.isSubset(of: ["none", "no process"]))
            }
        }
    }

    @Test("stop from a callback: terminate, then the parked reply, then the exit (R10)")
    func replyThenStop() async throws {
        try await withRuntime { _ in
            let record = Record()
            let gate = Gate()
            let server = try await Desk.begin {
                $0.terminate = { _, reason in
                    gate.pass()
                    record.add("terminate \(reason)")
                }
            }
            let call = Task {
                let value = try await server.ask(timeout: nil) { _, from in from.reply(5, then: .stop(.shutdown)) }
                record.add("reply \(value)")
            }
            await gate.arrived()
            #expect(record.count == 0)
            gate.open()
            try await call.value
            #expect(record.all == ["terminate shutdown", "reply 5"])
        }
    }

    @Test("a reply parked by a stop is delivered also when terminate throws (R10)")
    func parkedThenThrow() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin { $0.terminate = { _, _ in throw Failure() } }
            #expect(try await server.ask { _, from in from.reply(5, then: .stop()) } == 5)
        }
    }

    @Test("a throw runs terminate with the error; a kill and an exit signal do not (R11, S16)")
    func whenTerminateRuns() async throws {
        try await withRuntime { test in
            let record = Record()
            func begin(_ name: String) async throws -> Desk.Ref {
                try await Desk.begin { $0.terminate = { _, reason in record.add("\(name): \(reason)") } }
            }
            try await begin("throw").tell { _ in throw Failure() }
            try await begin("signal").tell { _ in throw ExitSignal(.shutdown) }
            try await begin("stop").tell { _ in .stop() }
            try await begin("killed").pid.kill()
            try await begin("exited").pid.exit(.shutdown)
            let survivor = try await begin("ignored")
            survivor.pid.exit(.normal)
            await test.settle()
            #expect(record.all.sorted() == ["signal: shutdown", "stop: normal", "throw: error (Failure)"])
            #expect(survivor.pid.isAlive)
        }
    }

    @Test("messages queued behind a stop are discarded and counted, their values destroyed", .tags(.leak))
    func discarded() async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            server.tell { _ in
                gate.pass()
                return .stop()
            }
            await gate.arrived()
            for _ in 0..<50 {
                let tracked = Tracked(census)
                server.tell { _ in
                    _ = tracked
                    return .wait
                }
            }
            gate.open()
            await test.settle()
            #expect(test.runtime.statistics.discarded == 50)
            #expect(server.cast(.note(1)) == .noProcess)
        }
        #expect(census.alive == 0)
        #expect(census.total == 50)
    }
}
