// SPDX-License-Identifier: Apache-2.0
// Deadlines pass on: what a handler asks has at most the time that its own request has left (R3, S20).

import Testing

@testable import Martlet

@Suite("Inherited deadlines", .timeLimit(.minutes(5)))
struct DeadlineTests {
    /// Runs `body` in a handler whose caller gives it two seconds; what it notes.
    ///
    /// Everything `body` waits for takes for ever.
    private func inHandler(
        _ test: TestRuntime, of server: Desk.Ref, timers: Int,
        _ body: @escaping @Sendable (Record<String>) throws -> Void
    ) async -> [String] {
        let record = Record()
        let asking = Task {
            await reason {
                try await server.ask(timeout: .seconds(2)) { _, from in
                    do { try body(record) } catch let error as CallError { record.add("\(error.reason)") } catch {
                        record.add("\(error)")
                    }
                    return from.reply(1)
                }
            }
        }
        await test.timersArmed(timers)
        await test.advance(by: .milliseconds(2010))
        record.add("caller: \(await asking.value)")
        await test.settle()
        return record.all.sorted()
    }

    @Test("a call that lasts has a timer, and takes it along when it is answered, however long its timeout")
    func lasting() async throws {
        // By the real clock: a worker keeps the deadlines of its calls for some milliseconds before it arms timers.
        let runtime = Runtime()
        try await runtime.withCurrent {
            let server = try await Desk.begin()
            for _ in 0..<20 {
                let asking = Task(executorPreference: runtime.executor) {
                    try await server.ask(timeout: .seconds(3_600)) { $0.postpone($1) }
                }
                await eventually { runtime.statistics.timers == 1 }
                server.tell { state in
                    state.deferred.removeFirst().reply(1)
                    return .wait
                }
                #expect(try await asking.value == 1)
                await eventually { runtime.statistics.timers == 0 }
            }
        }
        await runtime.shutdown()
    }

    @Test("calls, requests, starts, stops and waiting casts of a handler end with its own request", arguments: 0..<5)
    func nested(_ kind: Int) async throws {
        try await withRuntime(workers: 2) { test in
            let server = try await Desk.begin()
            let gate = Gate()
            let stuck = try await MailboxTests.busy(.reject, gate, capacity: 1)
            let mute = try await Desk.begin()
            stuck.cast(.note(1))
            let noted = await inHandler(test, of: server, timers: 2) { _ in
                switch kind {
                case 0: _ = try mute.askBlocking(timeout: nil) { $0.postpone($1) }
                case 1: _ = try mute.request(timeout: nil) { .ask($0) { $0.postpone($1) } }.value()
                case 2:
                    var script = Desk.Script()
                    script.begin = { _ in gate.pass() }
                    _ = try Desk.start(script, options: StartOptions(timeout: .seconds(60)))
                case 3: try stuck.stop(timeout: nil)
                default: try stuck.castWaiting(.note(2), timeout: .seconds(60))
                }
            }
            // Both times are up at one instant: the handler's reply may still be in time.
            #expect(noted.contains("timeout") && noted.count == 2, "\(noted)")
            gate.open(2)
            await test.settle()
        }
    }

    @Test("through handlers in place: the time is that of the first caller, not of each call")
    func inPlace() async throws {
        try await withRuntime { test in
            let outer = try await InPlaceDesk.begin()
            let inner = try await InPlaceDesk.begin()
            let mute = try await Desk.begin()
            await test.settle()
            let record = Record()
            async let done: Void = onThread {
                _ = try? outer.askBlocking(timeout: .seconds(2)) { _, from in
                    from.reply(
                        try inner.askBlocking(timeout: .seconds(60)) { _, from in
                            record.add(from.remaining.map { $0 <= .seconds(2) ? "inherited" : "own" } ?? "none")
                            do throws(CallError) { _ = try mute.askBlocking(timeout: nil) { $0.postpone($1) } } catch {
                                record.add("\(error.reason)")
                            }
                            return from.reply(1)
                        })
                }
            }
            await test.timersArmed(1)
            await test.advance(by: .milliseconds(2010))
            await done
            #expect(record.all == ["inherited", "timeout"])
        }
    }

    @Test("a handler that has replied has all the time it asks for")
    func afterReply() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let mute = try await Desk.begin()
            let record = Record()
            let answer = try await server.ask(timeout: .seconds(1)) { _, from in
                from.reply(1)
                record.add("\(mute.request(timeout: .seconds(60)) { .seen($0) })".isEmpty ? "" : "asked")
                do throws(CallError) { _ = try mute.askBlocking(timeout: .seconds(60)) { $0.postpone($1) } } catch {
                    record.add("\(error.reason)")
                }
                return .wait
            }
            #expect(answer == 1)
            await eventually { record.count == 1 }
            await test.advance(by: .seconds(30))
            await test.settle()
            #expect(record.all == ["asked"])
            await test.advance(by: .seconds(31))
            await eventually { record.count == 2 }
            #expect(record.all == ["asked", "timeout"])
        }
    }

    @Test("an async handler passes on the time of its request where no worker runs it, on the main actor")
    func onMainActor() async throws {
        try await withRuntime { test in
            let keeper = try await Desk.begin()
            let server = try await AsyncDesk.begin()
            let record = Record()
            let asking = Task(executorPreference: test.runtime.executor) {
                await reason {
                    try await server.ask(timeout: .seconds(2)) { _, from in
                        record.add(await Self.askOnMain(keeper))
                        return from.reply(1)
                    }
                }
            }
            await test.timersArmed(2)
            await test.advance(by: .milliseconds(2010))
            // Both give up at the same instant: the handler may reply before its caller is told.
            #expect(["timeout", "none"].contains(await asking.value))
            await eventually { record.all == ["timeout"] }
        }
    }

    @MainActor private static func askOnMain(_ keeper: Desk.Ref) async -> String {
        do throws(CallError) { return "\(try await keeper.ask(timeout: nil) { $0.postpone($1) })" } catch {
            return "\(error.reason)"
        }
    }

    @Test("a queued request whose caller's time is up is skipped, and counted as discarded, being expired (R3, S20)")
    func expired() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            let record = Record()
            await server.hold(at: gate)
            let asking = Task {
                await reason {
                    try await server.ask(timeout: .seconds(1)) { _, from in
                        record.add("ran")
                        return from.reply(1)
                    }
                }
            }
            await test.timersArmed(1)
            await test.advance(by: .milliseconds(1010))
            #expect(await asking.value == "timeout")
            let before = test.runtime.statistics.discarded
            gate.open()
            await test.settle()
            #expect(record.all.isEmpty && test.runtime.deadLetterCounts[.expired] == 1)
            #expect(test.runtime.statistics.discarded == before + 1)
        }
    }

    @Test("cancelling the caller's task abandons the call: not begun it is skipped, begun its reply vanishes (S20)")
    func cancelled() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            let record = Record()
            let begun = Task(executorPreference: test.runtime.executor) {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        gate.pass()
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            let queued = Task(executorPreference: test.runtime.executor) {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        record.add("ran")
                        return from.reply(2)
                    }
                }
            }
            await test.settle()
            begun.cancel()
            queued.cancel()
            #expect(await begun.value == "cancelled")
            #expect(await queued.value == "cancelled")
            gate.open()
            await test.settle()
            #expect(record.all.isEmpty)
            #expect(test.runtime.deadLetterCounts[.expired] == 1 && test.runtime.deadLetterCounts[.lateReply] == 1)
        }
    }

    @Test("a reply that a timer gives after the caller's time vanishes and is counted (R4)")
    func timerReplies() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin {
                $0.info = { state, _ in
                    state.deferred.removeFirst().reply(1)
                    return .wait
                }
            }
            let asking = Task {
                await reason {
                    try await server.ask(timeout: .seconds(1)) { state, from in
                        Desk.current.sendAfter(.seconds(2), 1)
                        return state.postpone(from)
                    }
                }
            }
            await test.timersArmed(2)
            await test.advance(by: .seconds(3))
            #expect(await asking.value == "timeout")
            await test.settle()
            #expect(test.runtime.deadLetterCounts[.lateReply] == 1)
        }
    }
}
