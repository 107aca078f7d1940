// SPDX-License-Identifier: Apache-2.0
// Calls that would wait for themselves: refused at once, with everybody on the way (F15). No test moves the clock: what is
// not found would hang.

import Testing

@testable import Martlet

@Suite("Call cycle", .timeLimit(.minutes(5)))
struct CycleTests {
    /// What a call from a handler says: its reply, or why there is none.
    private static func word(_ body: () throws(CallError) -> Int) -> String {
        do { return "\(try body())" } catch { return "\(error.reason)" }
    }

    private static func path(_ servers: [Desk.Ref]) -> String {
        "cycle: " + servers.map { "\($0.pid)" }.joined(separator: " -> ")
    }

    /// Each asks the next, the last one asks the first; what the last one hears.
    private static func around(_ servers: [Desk.Ref], _ record: Record<String>) -> @Sendable (Int) -> String {
        @Sendable func ask(_ index: Int) -> String {
            word { () throws(CallError) in
                try servers[(index + 1) % servers.count].askBlocking(timeout: nil) { _, from in
                    record.add(ask((index + 1) % servers.count))
                    return from.reply(index)
                }
            }
        }
        return ask
    }

    @Test("A calls B, which calls A: B's call fails at once and names both (F15)")
    func two() async throws {
        try await withRuntime { _ in
            let a = try await Desk.begin()
            let b = try await Desk.begin()
            let record = Record()
            let answer = try await a.ask(timeout: nil) { _, from in
                from.reply(
                    try b.askBlocking(timeout: nil) { _, from in
                        do throws(CallError) { _ = try a.call(timeout: nil) { .seen($0) } } catch {
                            record.add("\(error.reason)")
                            record.add(error.request)
                            #expect(error.target == a.pid)
                        }
                        return from.reply(7)
                    })
            }
            #expect(answer == 7)
            #expect(record.all == [Self.path([b, a]), "Scripted<MartletTests.Pooled>.seen"])
        }
    }

    @Test("a cycle of any length is found and named in full", arguments: [3, 10])
    func long(_ length: Int) async throws {
        try await withRuntime(configure: { $0.spareWorkersMax = 16 }) { _ in
            var servers: [Desk.Ref] = []
            for _ in 0..<length { servers.append(try await Desk.begin()) }
            let record = Record()
            let ask = Self.around(servers, record)
            _ = try await servers[0].ask(timeout: nil) { _, from in
                record.add(ask(0))
                return from.reply(0)
            }
            #expect(record.all.first == Self.path([servers[length - 1]] + servers.dropLast()))
            #expect(record.all.count == length && record.all.dropFirst().allSatisfy { !$0.hasPrefix("cycle") })
        }
    }

    @Test("of handlers that close a cycle at the same moment exactly one is refused", .tags(.stress))
    func together() async throws {
        try await withRuntime(workers: 2, configure: { $0.spareWorkersMax = 16 }) { _ in
            for round in 0..<200 {
                let length = 2 + round % 3
                var servers: [Desk.Ref] = []
                for _ in 0..<length { servers.append(try await Desk.begin()) }
                let gate = Gate()
                let all = servers
                let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                    for index in 0..<length {
                        group.addTask {
                            try await all[index].ask(timeout: nil) { _, from in
                                gate.pass()
                                let next = all[(index + 1) % length]
                                let word = Self.word { () throws(CallError) in
                                    try next.askBlocking(timeout: nil) { $1.reply(1) }
                                }
                                return from.reply(word.hasPrefix("cycle") ? 1 : word == "1" ? 0 : 100)
                            }
                        }
                    }
                    await gate.arrived(length)
                    gate.open(length)
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.reduce(0, +) == 1, "round \(round): \(answers)")
                for server in servers { try await server.stop() }
            }
        }
    }

    @Test("handlers on their caller's thread are part of it, also one that has answered and goes on")
    func inPlace() async throws {
        try await withRuntime { test in
            for hasReplied in [false, true] {
                let a = try await InPlaceDesk.begin()
                let b = try await InPlaceDesk.begin()
                let c = try await Desk.begin()
                await test.settle()
                let record = Record()
                await onThread {
                    _ = try? a.askBlocking(timeout: nil) { _, from in
                        from.reply(
                            try b.askBlocking(timeout: nil) { _, from in
                                if hasReplied { from.reply(1) }
                                let answer = try c.askBlocking(timeout: nil) { _, from in
                                    record.add(
                                        Self.word { () throws(CallError) in
                                            try a.askBlocking(timeout: nil) { $1.reply(1) }
                                        })
                                    return from.reply(2)
                                }
                                return from.reply(answer)
                            })
                    }
                }
                #expect(record.all == ["cycle: \(c.pid) -> \(a.pid) -> \(b.pid)"])
            }
        }
    }

    @Test("init that calls its starter is told, and the start fails with that error")
    func start() async throws {
        try await withRuntime { _ in
            let a = try await Desk.begin()
            let record = Record()
            _ = try await a.ask(timeout: nil) { _, from in
                var script = Desk.Script()
                script.begin = { _ in _ = try a.call(timeout: nil) { .seen($0) } }
                do throws(StartError) { _ = try Desk.start(script) } catch {
                    if case .failed(let cause as CallError) = error, case .cycle(let pids) = cause.reason {
                        record.add("\(pids.count) \(pids[1] == a.pid)")
                    }
                }
                return from.reply(1)
            }
            #expect(record.all == ["2 true"])
        }
    }

    @Test("a stop waits too: of a server that waits for the stopper, and of one whose terminate calls it")
    func stop() async throws {
        try await withRuntime { test in
            let a = try await Desk.begin()
            let record = Record()
            let b = try await Desk.begin {
                $0.terminate = { _, _ in
                    record.add(
                        Self.word { () throws(CallError) in try a.askBlocking(timeout: nil) { $1.reply(1) } })
                }
            }
            // b waits for a, which stops b.
            let answer = try await b.ask(timeout: nil) { _, from in
                from.reply(
                    try a.askBlocking(timeout: nil) { _, from in
                        do throws(CallError) { try b.stop() } catch { record.add("\(error.reason)") }
                        return from.reply(3)
                    })
            }
            #expect(answer == 3 && record.all == [Self.path([a, b])])
            _ = try await a.ask(timeout: nil) { _, from in
                try b.stop()
                return from.reply(1)
            }
            #expect(record.all == [Self.path([a, b]), Self.path([b, a])])
        }
    }

    @Test("waiting for room in the mailbox of a server that waits for the sender is a cycle, for casts and calls")
    func room() async throws {
        try await withRuntime { test in
            let a = try await Desk.begin()
            let b = try await Desk.begin(options: StartOptions(mailbox: .bounded(1, whenFull: .dropNewest)))
            let record = Record()
            _ = try await b.ask(timeout: nil) { _, from in
                from.reply(
                    try a.askBlocking(timeout: nil) { _, from in
                        b.cast(.note(1))
                        do throws(CallError) { try b.castWaiting(.note(2), timeout: nil) } catch {
                            record.add("\(error.reason) \(error.request)")
                        }
                        record.add(
                            Self.word { () throws(CallError) in try b.askBlocking(timeout: nil) { $1.reply(1) } })
                        return from.reply(1)
                    })
            }
            await test.settle()
            #expect(try await b.call { .seen($0) } == [1])
            let path = Self.path([a, b])
            #expect(record.all == ["\(path) Scripted<MartletTests.Pooled>.Cast.note", path])
        }
    }

    @Test("an awaiting call from the body of a process is an edge too; from a task that it created it is not")
    func awaiting() async throws {
        try await withRuntime { test in
            let record = Record()
            let b = try await Desk.begin()
            let raw = spawn(Int.self) { mailbox in
                // Nobody can call a raw process but with a forged reference.
                let me = Desk.Ref(_pid: mailbox.ref.pid)
                let callBack: @Sendable () -> String = {
                    Self.word { () throws(CallError) in try me.askBlocking(timeout: .seconds(1)) { $1.reply(1) } }
                }
                _ = try await b.ask(timeout: nil) { _, from in
                    record.add(callBack())
                    return from.reply(1)
                }
                let task = Task {
                    try await b.ask(timeout: nil) { _, from in
                        record.add(callBack())
                        return from.reply(1)
                    }
                }
                _ = try await task.value
            }
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            _ = try await raw.pid.waitForExit()
            #expect(record.all == ["cycle: \(b.pid) -> \(raw.pid)", "timeout"])
        }
    }

    @Test("what is no cycle: a reply that was deferred, a cast, a call back from a task")
    func none() async throws {
        try await withRuntime { test in
            let a = try await Desk.begin()
            let b = try await Desk.begin()
            let record = Record()
            // Deferred: b's handler has returned, and asks a later, which waits for b: not found, so its timeout ends it.
            let asking = Task {
                try await a.ask(timeout: nil) { _, from in
                    from.reply(try b.askBlocking(timeout: .seconds(3)) { $0.postpone($1) })
                }
            }
            await test.timersArmed(1)
            // The deadline is armed before the request is sent.
            await eventually { (try? await b.sys.withState { $0.deferred.count }) == 1 }
            b.tell { state in
                record.add(
                    Self.word { () throws(CallError) in try a.askBlocking(timeout: .seconds(1)) { $1.reply(1) } })
                state.deferred.removeFirst().reply(9)
                return .wait
            }
            await test.timersArmed(2)
            await test.advance(by: .seconds(2))
            #expect(try await asking.value == 9)
            // A cast does not wait, and a task is not the handler.
            let answer = try await a.ask { _, from in
                from.reply(
                    try b.askBlocking { _, from in
                        a.cast(.note(5))
                        Task { record.add("\(try await a.call { .seen($0) })") }
                        return from.reply(2)
                    })
            }
            #expect(answer == 2)
            await eventually { record.count == 2 }
            #expect(record.all == ["timeout", "[5]"])
        }
    }
}
