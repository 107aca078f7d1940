// SPDX-License-Identifier: Apache-2.0
// Requests and replies: timeouts, late replies, targets that are gone.

import Testing

@testable import Martlet

@Suite("Call", .tags(.parity), .timeLimit(.minutes(5)))
struct CallTests {
    @Test("a call returns the reply, typed by its case (R3, S13, S17)")
    func reply() async throws {
        try await withRuntime { _ in
            let counter = try await Counter.start(1)
            #expect(try await counter.call { .increment(by: 2, $0) } == 3)
            let desk = try await Desk.begin()
            desk.cast(.note(4))
            let seen: [Int] = try await desk.call { .seen($0) }
            #expect(seen == [4])
        }
    }

    @Test("a call times out after 5 seconds while the server is busy, and its late reply vanishes (R3, R4, S14)")
    func timeoutWhileBusy() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            let first = Task {
                await reason {
                    try await server.ask { state, from in
                        gate.pass()
                        state.seen.append(1)
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            await test.timersArmed(1)
            await test.advance(by: .milliseconds(4_999))
            #expect(test.runtime.statistics.timers == 1)
            await test.advance(by: .milliseconds(12))
            #expect(await first.value == "timeout")
            gate.open()
            // The server was not told: it did the work, and the next caller gets its own reply.
            #expect(try await server.ask { $1.reply($0.seen.count) } == 1)
            #expect(try await server.ask { $1.reply(2) } == 2)
        }
    }

    @Test("a call has the timeout it was given, and is never early (R3, S20)", arguments: [1, 250, 999, 1_000, 60_000])
    func customTimeout(milliseconds: Int) async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let call = Task {
                await reason { try await server.ask(timeout: .milliseconds(milliseconds)) { _, _ in .wait } }
            }
            await test.timersArmed(1)
            await test.advance(by: .nanoseconds(milliseconds * 1_000_000 - 1))
            #expect(test.runtime.statistics.timers == 1)
            await test.advance(by: .milliseconds(12))
            #expect(await call.value == "timeout")
        }
    }

    @Test("a call without a timeout arms no timer and waits for ever (R3, S20)")
    func forEver() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            async let answer = server.ask(timeout: nil) { _, from in
                gate.pass()
                return from.reply(1)
            }
            await gate.arrived()
            await test.advance(by: .seconds(1_000_000))
            gate.open()
            let value = try await answer
            #expect(value == 1)
        }
    }

    @Test("a negative timeout counts as zero: the call fails with timeout (R3)")
    func negativeTimeout() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            await server.hold(at: gate)
            let call = Task { await reason { try await server.ask(timeout: .seconds(-1)) { $1.reply(1) } } }
            await test.timersArmed(1)
            await test.advance(by: .milliseconds(1))
            #expect(await call.value == "timeout")
            gate.open()
        }
    }

    @Test("a call to a server that has ended fails with noProcess, by reference and by name (R3)")
    func noProcess() async throws {
        try await withRuntime { _ in
            let name: Desk.Name = "gone"
            let server = try await Desk.begin(name: name)
            try await server.stop()
            do throws(CallError) {
                _ = try await server.ask { $1.reply(1) }
                Issue.record("expected noProcess")
            } catch {
                guard case .noProcess = error.reason else { throw error }
                #expect(error.target == server.pid)
                #expect(error.request.hasSuffix("Scripted<MartletTests.Pooled>"))
            }
            do throws(CallError) {
                _ = try await name.ask { $1.reply(1) }
                Issue.record("expected noProcess")
            } catch {
                guard case .noProcess = error.reason else { throw error }
                #expect(error.target == nil)
            }
        }
    }

    @Test("a nested call has at most the time that the request being handled has left (R3, S20)")
    func inheritedDeadline() async throws {
        try await withRuntime { test in
            let inner = try await Desk.begin()
            let outer = try await Desk.begin()
            let record = Record()
            let call = Task {
                await reason {
                    try await outer.ask(timeout: .milliseconds(100)) { _, from in
                        do throws(CallError) {
                            return from.reply(try inner.askBlocking(timeout: .seconds(60)) { _, _ in .wait })
                        } catch {
                            record.add("inner: \(error.reason)")
                            return .wait
                        }
                    }
                }
            }
            await test.timersArmed(2)
            await test.advance(by: .milliseconds(101))
            #expect(await call.value == "timeout")
            await eventually { record.count == 1 }
            #expect(record.all == ["inner: timeout"])
        }
    }

    @Test("a From knows the process that called, until it is answered (S17)")
    func caller() async throws {
        try await withRuntime { _ in
            let callee = try await Desk.begin()
            let caller = try await Desk.begin()
            let record = Record(Pid?.self)
            let answer = try await caller.ask { _, from in
                let inner = try callee.askBlocking { _, from in
                    record.add(from.caller)
                    from.reply(1)
                    record.add(from.caller)
                    return .wait
                }
                return from.reply(inner)
            }
            #expect(answer == 1)
            #expect(record.all.first == caller.pid)
            _ = try await callee.ask { _, from in
                record.add(from.caller)
                return from.reply(0)
            }
            #expect(record.all.last == .some(nil))
        }
    }

    @Test("a call with a Void reply returns when it is answered")
    func voidReply() async throws {
        struct Switchboard: GenServer {
            enum Call { case ping(From<Void>) }
            init(_: Void) {}
            mutating func handleCall(_ call: Call) -> Next {
                switch call {
                case .ping(let from): from.reply()
                }
            }
        }
        try await withRuntime { _ in
            let server = try await Switchboard.start()
            try await server.call { .ping($0) }
        }
    }

    @Test("a call can be caught by its reason alone (S14)")
    func pattern() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            try await server.stop()
            do throws(CallError) { _ = try await server.ask { $1.reply(1) } } catch .noProcess { return } catch {}
            Issue.record("expected noProcess")
        }
    }
}
