// SPDX-License-Identifier: Apache-2.0
// startLink and startMonitor (R2), and what a server does when its parent tells it to end (R11).

import Testing

@testable import Martlet

@Suite("Starting tied, and the parent's exit", .timeLimit(.minutes(5)))
struct StartTiedTests {
    @Test("a linked server takes its starter along, and the other way round (R14)", .tags(.parity))
    func linked() async throws {
        try await withRuntime { test in
            for starterFirst in [false, true] {
                let started = Record(Desk.Ref.self)
                let starter = spawn { (mailbox: inout Mailbox<Int>) in
                    started.add(try await Desk.startLink(Desk.Script()))
                    _ = try await mailbox.receive()
                    throw Failure(9)
                }
                await eventually { started.count == 1 }
                let server = started.all[0]
                if starterFirst { starter.send(1) } else { server.tell { _ in throw Failure(8) } }
                await eventually { !starter.pid.isAlive && !server.pid.isAlive }
            }
        }
    }

    @Test(
        "a throw out of init ends a linked starter that does not trap; a refusal and a taken name do not (R2)",
        .tags(.parity))
    func failedStarts() async throws {
        try await withRuntime { test in
            let holder = try await Desk.begin(name: "taken")
            for (failure, survives) in [(Failure() as any Error, false), (Refusal(Failure()), true), (Ignore(), true)] {
                var script = Desk.Script()
                script.begin = { _ in throw failure }
                let outcome = Record(String.self)
                let starter = spawn { [script] (mailbox: inout Mailbox<Int>) in
                    do { _ = try await Desk.startLink(script) } catch { outcome.add("\(error)") }
                    _ = try await mailbox.receive()
                }
                if survives {
                    await eventually { outcome.count == 1 }
                    #expect(starter.pid.isAlive)
                    starter.pid.kill()
                } else {
                    await eventually { !starter.pid.isAlive }
                }
            }
            try await withProcess(receiving: Never.self) { _ in
                let told = await reason { try await Desk.startLink(Desk.Script(), name: "taken") }
                #expect(told == "already started: \(holder.pid)")
            }
            try await holder.stop()
        }
    }

    @Test("a starter that traps hears of a failed start by the error alone (R2)", .tags(.parity))
    func trappingStarter() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                var script = Desk.Script()
                script.begin = { _ in throw Failure(3) }
                let failures = [
                    await reason { try await Desk.startLink(script) },
                    await reason { try await Desk.startMonitor(script) },
                ]
                #expect(failures == ["failed (Failure)", "failed (Failure)"])
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("a failed start left news in the mailbox")
                    return
                }
            }
        }
    }

    @Test("a start that takes too long neither ends nor informs its linked starter")
    func slowInit() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let record = Record(String.self)
            let starter = spawn(Never.self) { mailbox in
                var script = Desk.Script()
                script.begin = { _ in gate.pass() }
                let options = StartOptions(timeout: .seconds(3))
                record.add(await reason { try await Desk.startLink(script, options: options) })
                if case .timeout = try await mailbox.receiveInfo(timeout: .zero) { record.add("nothing") }
            }
            await gate.arrived()
            await test.timersArmed(1)
            await test.advance(by: .seconds(4))
            await eventually { !starter.pid.isAlive }
            #expect(record.all == ["timeout", "nothing"])
            gate.open()
        }
    }

    @Test("startMonitor tells the end of the server, also from a handler")
    func monitored() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            let starter = try await Desk.begin {
                $0.info = { _, info in
                    if case .down(_, _, let reason) = info { record.add("\(reason)") }
                    return .wait
                }
            }
            starter.tell { _ in
                let (child, _) = try Desk.startMonitor(Desk.Script())
                child.tell { _ in .stop(.shutdown) }
                return .wait
            }
            await eventually { record.count == 1 }
            #expect(record.all == ["shutdown"])
            try await starter.stop()
        }
    }

    @Test(
        "the parent's exit signal runs terminate without trapping, ahead of the queue (R11, S10, S34)", .tags(.parity))
    func parentExit() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            try await withProcess(receiving: Never.self) { mailbox in
                let gate = Gate()
                var script = Desk.Script()
                script.terminate = { _, reason in record.add("terminate \(reason)") }
                let (server, monitor) = try await Desk.startMonitor(script)
                server.tell { _ in
                    gate.pass()
                    return .wait
                }
                for number in 0..<1_000 { server.cast(.note(number)) }
                server.tell { _ in
                    record.add("handled")
                    return .wait
                }
                await gate.arrived()
                server.pid.exit(.shutdown)
                gate.open()
                guard case .down(monitor, _, .shutdown) = try await mailbox.receiveInfo() else {
                    Issue.record("expected a shutdown")
                    return
                }
                #expect(record.all == ["terminate shutdown"])
            }
        }
    }

    @Test("a stranger's exit signal runs no terminate (R11, S34)", .tags(.parity))
    func strangerExit() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            let server = try await Desk.begin { $0.terminate = { _, reason in record.add("terminate \(reason)") } }
            async let end = server.pid.waitForExit()
            server.pid.exit(.shutdown)
            let text = "\(try await end)"
            #expect(text == "shutdown" || text == "no process")
            #expect(record.all.isEmpty)
        }
    }

    /// A server that traps.
    enum Trapping: Declarations {
        static var trapsExits: Bool { true }
    }

    @Test(
        "trapping: the parent's exit comes behind the queue and runs terminate; others are handled (R11, R12)",
        .tags(.parity))
    func trappingServer() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            try await withProcess(receiving: Never.self) { mailbox in
                var script = Scripted<Trapping>.Script()
                script.terminate = { state, reason in record.add("terminate \(reason) \(state.seen.count)") }
                script.info = { _, info in
                    if case .exit(_, let reason) = info { record.add("exit \(reason)") }
                    return .wait
                }
                let (server, monitor) = try await Scripted<Trapping>.startMonitor(script)
                let stranger = spawn(Never.self) { _ in server.pid.exit(.error(Failure())) }
                await eventually { !stranger.pid.isAlive && record.count == 1 }
                for number in 0..<100 { server.cast(.note(number)) }
                server.pid.exit(.shutdown)
                guard case .down(monitor, _, .shutdown) = try await mailbox.receiveInfo() else {
                    Issue.record("expected a shutdown")
                    return
                }
                #expect(record.all == ["exit error (Failure)", "terminate shutdown 100"])
            }
        }
    }

    @Test("the last words of a server are heard also when they unlink (R11)", arguments: [false, true])
    func lastWordsAreHeard(parentEnds: Bool) async throws {
        try await withRuntime { test in
            try await withProcess(receiving: String.self) { mailbox in
                let listener = mailbox.ref
                var script = Desk.Script()
                script.terminate = { _, _ in
                    listener.pid.unlink()
                    listener.send("last")
                }
                let parent = spawn { [script] (mailbox: inout Mailbox<Int>) in
                    let server = try await Desk.startLink(script)
                    if parentEnds { throw Failure() }
                    server.pid.exit(.shutdown)
                    _ = try await mailbox.receive()
                }
                let word = try await mailbox.receive()
                #expect(word == "last")
                await eventually { !parent.pid.isAlive }
            }
        }
    }

    @Test("when the parent ends, a linked server ends with its reason and says its last words")
    func parentEnds() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            var script = Desk.Script()
            script.terminate = { _, reason in record.add("\(reason)") }
            let parent = spawn { [script] (mailbox: inout Mailbox<Never>) in
                _ = try await Desk.startLink(script)
                throw Failure()
            }
            await eventually { !parent.pid.isAlive && record.count == 1 }
            #expect(record.all == ["error (Failure)"])
        }
    }
}
