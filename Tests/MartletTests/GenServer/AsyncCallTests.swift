// SPDX-License-Identifier: Apache-2.0
// Calls, casts and messages of an async server: the same rules, also where the callback suspends.

import Testing

@testable import Martlet

@Suite("Calls of an async server", .tags(.parity), .timeLimit(.minutes(5)))
struct AsyncCallTests {
    @Test("a handler replies before and after it suspends, and the caller hears it at once (R3, S17)")
    func replies() async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            let early = try await server.ask { _, from in
                from.reply(1)
                try await gate.pass()
                return .wait
            }
            #expect(early == 1)
            gate.open()
            #expect(
                try await server.ask { _, from in
                    await Task.yield()
                    return from.reply(2)
                } == 2)
        }
    }

    @Test("messages of one sender keep their order, whatever suspends: casts, calls, infos, a stop (R5, S28)")
    func order() async throws {
        try await withRuntime { _ in
            let record = Record([Int].self)
            let server = try await AsyncDesk.begin { $0.terminate = { state, _ in record.add(state.seen) } }
            for number in 0..<300 {
                switch number % 3 {
                case 0: server.cast(.note(number))
                case 1: server.send(number)
                default:
                    server.tell {
                        await Task.yield()
                        $0.seen.append(number)
                        return .wait
                    }
                }
            }
            try await server.stop()
            #expect(record.all == [Array(0..<300)])
        }
    }

    @Test(
        "a call that times out while the handler is suspended fails; the handler goes on, its reply vanishes (R3, R4)")
    func timeout() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            let call = Task {
                await reason {
                    try await server.ask(timeout: .seconds(2)) { state, from in
                        try await gate.pass()
                        state.seen.append(1)
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            await test.timersArmed(1)
            await test.advance(by: .seconds(3))
            #expect(await call.value == "timeout")
            gate.open()
            #expect(try await server.call { .seen($0) } == [1])
            #expect(test.runtime.deadLetterCounts[.lateReply] == 1)
        }
    }

    @Test("a call to itself fails at once with callingSelf, also after a suspension and an actor's turn")
    func callingSelf() async throws {
        actor Somewhere {
            func go() {}
        }
        try await withRuntime { _ in
            let server = try await AsyncDesk.begin()
            let elsewhere = Somewhere()
            for place in 0..<3 {
                let text = Record()
                _ = try await server.ask { _, from in
                    if place == 1 { await Task.yield() }
                    if place == 2 { await elsewhere.go() }
                    text.add(await reason { try await AsyncDesk.current.ask { $1.reply(1) } })
                    return from.reply(1)
                }
                #expect(text.all == ["calling itself"])
            }
        }
    }

    @Test(
        "two async servers that call each other find the cycle at once, also after a suspension and on the main actor")
    func cycle() async throws {
        try await withRuntime { _ in
            let near = try await AsyncDesk.begin()
            let far = try await AsyncDesk.begin()
            let record = Record()
            for place in 0..<3 {
                let answer = try await near.ask(timeout: nil) { _, from in
                    if place == 1 { await Task.yield() }
                    if place == 2 { return from.reply(try await Self.onMain(far, near, record)) }
                    return from.reply(try await Self.roundTrip(far, near, record))
                }
                #expect(answer == 1)
            }
            #expect(record.all == Array(repeating: "cycle", count: 3))
        }
    }

    /// Asks `far`, which asks `near` back and notes what it hears.
    private nonisolated(nonsending) static func roundTrip(
        _ far: AsyncDesk.Ref, _ near: AsyncDesk.Ref, _ record: Record<String>
    ) async throws -> Int {
        try await far.ask(timeout: nil) { _, from in
            do throws(CallError) { _ = try await near.ask(timeout: nil) { $1.reply(1) } } catch {
                if case .cycle = error.reason { record.add("cycle") } else { record.add("\(error.reason)") }
            }
            return from.reply(1)
        }
    }

    @MainActor private static func onMain(
        _ far: AsyncDesk.Ref, _ near: AsyncDesk.Ref, _ record: Record<String>
    ) async throws -> Int { try await roundTrip(far, near, record) }

    @Test("a call from a handler has at most the time that its own request has left (S43)")
    func deadline() async throws {
        try await withRuntime { test in
            let slow = try await AsyncDesk.begin()
            let server = try await AsyncDesk.begin()
            let record = Record()
            let call = Task {
                await reason {
                    try await server.ask(timeout: .seconds(2)) { _, from in
                        await Task.yield()
                        let nested = await reason { try await slow.ask(timeout: nil) { $0.postpone($1) } }
                        record.add(nested)
                        return from.reply(1)
                    }
                }
            }
            await test.timersArmed(2)
            await test.advance(by: .seconds(3))
            // Both give up at the same instant: the handler may reply before its caller is told.
            #expect(["timeout", "none"].contains(await call.value))
            await eventually { record.all == ["timeout"] }
        }
    }

    @Test("the caller of a request made by a handler is its process, also after a suspension")
    func caller() async throws {
        try await withRuntime { _ in
            let callee = try await AsyncDesk.begin()
            let server = try await AsyncDesk.begin()
            let record = Record(Pid?.self)
            _ = try await server.ask { _, from in
                await Task.yield()
                return from.reply(
                    try await callee.ask { _, from in
                        record.add(from.caller)
                        return from.reply(1)
                    })
            }
            #expect(record.all == [server.pid])
        }
    }

    @Test("deferred replies are given by whoever holds the From, and fail with the server (S25)")
    func deferred() async throws {
        try await withRuntime { _ in
            let server = try await AsyncDesk.begin()
            let first = Task { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 1 }
            let second = Task { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 2 }
            server.tell { state in
                let from = state.deferred[0]
                await Task.detached { _ = from.reply(1) }.value
                return .wait
            }
            #expect(await first.value == "none")
            try await server.stop(.shutdown)
            #expect(await second.value == "exited: shutdown")
        }
    }

    @Test("requests whose callers have given up by then are skipped (R3)")
    func expired() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            await server.hold(at: gate)
            let record = Record()
            let call = Task {
                await reason {
                    try await server.ask(timeout: .seconds(1)) {
                        record.add("handled")
                        return $1.reply(1)
                    }
                }
            }
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            #expect(await call.value == "timeout")
            gate.open()
            #expect(try await server.ask { $1.reply(2) } == 2)
            #expect(record.count == 0)
        }
    }

    @Test("a synchronous server calls an async one, and the other way round")
    func mixed() async throws {
        try await withRuntime(workers: 1) { _ in
            let counter = try await Counter.start(5)
            let server = try await AsyncDesk.begin()
            let desk = try await Desk.begin()
            let sum = try await desk.ask { _, from in
                from.reply(try server.call { .ask($0) { _, from in from.reply(try await counter.get()) } })
            }
            #expect(sum == 5)
        }
    }

    @Test("messages, timers and unexpected values reach handleInfo (S30, S31)")
    func infos() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await AsyncDesk.begin {
                $0.info = { _, info in
                    await Task.yield()
                    switch info {
                    case .message(let number): record.add("\(number)")
                    case .unexpected(let value): record.add("\(value)")
                    default: record.add("other")
                    }
                    return .wait
                }
            }
            server.send(1)
            server.pid.send(any: "two")
            server.sendAfter(.seconds(1), 3)
            await test.advance(by: .seconds(2))
            await eventually { record.count == 3 }
            #expect(record.all == ["1", "two", "3"])
        }
    }
}
