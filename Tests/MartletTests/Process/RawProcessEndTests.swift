// SPDX-License-Identifier: Apache-2.0
// Ends of raw processes: who watches hears of them, and what was on its way is accounted for.

import Testing

@testable import Martlet

@Suite("End of a raw process", .timeLimit(.minutes(5)))
struct RawProcessEndTests {
    @Test("messages and watches that meet the end of a raw process are all accounted for", .tags(.leak, .stress))
    func everythingOnItsWay() async throws {
        let census = Census()
        try await withRuntime { _ in
            for round in 0..<2_000 {
                let process = spawn { (mailbox: inout Mailbox<Tracked>) in
                    while true { _ = try await mailbox.receive() }
                }
                process.send(Tracked(census))
                async let reason = process.pid.waitForExit()
                process.send(Tracked(census))
                if round.isMultiple(of: 2) { process.pid.exit(.shutdown) } else { process.pid.kill() }
                switch try await reason {
                case .shutdown, .killed, .noProcess: break
                case let other: Issue.record("ended with \(other)")
                }
            }
        }
        #expect(census.alive == 0)
    }

    @Test("the end of a process ends what its body waits for outside of a receive (R13)", .tags(.leak))
    func cancelsBody() async throws {
        try await withRuntime { test in
            for reason in [ExitReason.killed, .shutdown] {
                let record = Record()
                let desk = try await Desk.begin()
                let process = spawn(Never.self) { _ in
                    do throws(CallError) {
                        _ = try await desk.ask(timeout: nil) { _, _ in .wait }
                    } catch {
                        record.add("\(error.reason)")
                    }
                }
                await eventually { !test.runtime.waitGraph().isEmpty }
                if case .killed = reason { process.pid.kill() } else { process.pid.exit(reason) }
                await eventually { record.all == ["cancelled"] }
                #expect(!process.pid.isAlive)
            }
        }
    }

    @Test("a body that goes on after its process was ended does not touch the next process in that slot")
    func lingeringBody() async throws {
        // One worker: it takes the slots it has put back.
        try await withRuntime(workers: 1) { test in
            let (gate, opening) = AsyncStream<Void>.makeStream()
            let census = Census()
            let ended = spawn { (mailbox: inout Mailbox<Int>) in
                let tracked = Tracked(census)
                _ = try? await mailbox.receive()
                for await _ in gate {}
                withExtendedLifetime(tracked) {}
            }
            await test.settle()
            ended.pid.kill()
            await test.settle()
            let successors = await Task(executorPreference: test.runtime.executor) {
                (0..<1_000).map { _ in
                    spawn { (mailbox: inout Mailbox<ProcessRef<Int>>) in
                        let client = try await mailbox.receive()
                        client.send(1)
                        _ = try await mailbox.receive()
                    }
                }
            }.value
            let slot = UInt32(truncatingIfNeeded: ended.pid.raw)
            #expect(successors.contains { UInt32(truncatingIfNeeded: $0.pid.raw) == slot })
            await test.settle()
            opening.finish()
            await eventually { census.alive == 0 }
            await test.settle()
            let answers = try await withProcess(receiving: Int.self) { mailbox in
                for successor in successors { successor.send(mailbox.ref) }
                var answers = 0
                for _ in successors { answers += try await mailbox.receive() }
                return answers
            }
            #expect(answers == 1_000)
            #expect(successors.allSatisfy { $0.pid.isAlive })
        }
    }

    @Test("the aliases of a process that was killed in its body end with it")
    func aliasesOfTaken() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let aliases = Record(ProcessRef<Int>.self)
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                aliases.add(mailbox.alias())
                gate.passHoldingWorker()
            }
            await gate.arrived()
            process.pid.kill()
            _ = try await process.pid.waitForExit()
            gate.open()
            await eventually { aliases.all.allSatisfy { $0.send(1) == .noProcess } }
            #expect(aliases.count == 1)
        }
    }

    @Test("when waitForExit returns the name is free, however late it was asked (R1, R20)")
    func nameIsFree() async throws {
        try await withRuntime { _ in
            let name = ServerName<Counter>("short-lived")
            for _ in 0..<500 {
                let counter = try await Counter.start(0, name: name)
                counter.pid.kill()
                _ = try await counter.pid.waitForExit()
                #expect(name.ref == nil)
            }
        }
    }

    @Test("a handler that answers many and then stops is heard by all of them (R10)")
    func manyParkedReplies() async throws {
        try await withRuntime { _ in
            let server = try await Lobby.start()
            async let first = server.call { .wait($0) }
            async let second = server.call { .wait($0) }
            await eventually { (try? await server.call { .count($0) }) == 2 }
            let third = try await server.call { .close($0) }
            #expect(try await [first, second].sorted() == [0, 1])
            #expect(third == 2)
        }
    }

    /// Keeps its callers waiting until it closes, and answers all of them with its last word.
    struct Lobby: GenServer {
        enum Call { case wait(From<Int>), count(From<Int>), close(From<Int>) }
        var waiting: [From<Int>] = []
        init(_: Void) {}
        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .wait(let from):
                waiting.append(from)
                return .wait
            case .count(let from): return from.reply(waiting.count)
            case .close(let from):
                for (number, caller) in waiting.enumerated() { _ = caller.reply(number, then: .stop()) }
                return from.reply(waiting.count, then: .stop())
            }
        }
    }
}

@Suite("Raw process: crash reports", .timeLimit(.minutes(5)))
struct RawProcessCrashTests {
    @Test("a body that throws makes one report, an orderly end and a kill none (R16)", .tags(.parity))
    func reports() async throws {
        try await withRuntime { test in
            let reports = test.runtime.crashReports()
            let told = spawn { (mailbox: inout Mailbox<ExitReason>) in throw ExitSignal(try await mailbox.receive()) }
            told.send(.shutdown)
            let killed = spawn { (mailbox: inout Mailbox<Int>) in _ = try await mailbox.receive() }
            killed.pid.kill()
            await eventually { !told.pid.isAlive && !killed.pid.isAlive }
            let crashed = spawn { (mailbox: inout Mailbox<Int>) in throw Failure() }
            var iterator = reports.makeAsyncIterator()
            let report = try #require(await iterator.next())
            #expect(report.process.pid == crashed.pid)
            #expect(report.process.type.contains("raw process of Int"))
            #expect("\(report.reason)" == "error (Failure)")
        }
    }
}
