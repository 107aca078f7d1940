// SPDX-License-Identifier: Apache-2.0
// The corners of OTP's rules, where two of them meet; Documentation/OTPParity.md has the table of all.

import Testing

@testable import Martlet

@Suite("OTP rules: corners", .tags(.parity), .timeLimit(.minutes(5)))
struct RuleEdgeTests {
    typealias TrappingDesk = Scripted<StartTiedTests.Trapping>

    @Test("a handler that replies and then throws: its caller has the reply, the server ends (R3, R11)")
    func replyThenThrow() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await Desk.begin { $0.terminate = { _, reason in record.add("\(reason)") } }
            let answer = try await server.ask { _, from in
                from.reply(5)
                throw Failure()
            }
            #expect(answer == 5)
            await eventually { !server.pid.isAlive }
            #expect(record.all == ["error (Failure)"])
        }
    }

    @Test("a parked reply is dropped when its handler throws instead of stopping (R10)")
    func parkedThenThrown() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            let told = await reason {
                try await server.ask { _, from in
                    _ = from.reply(5, then: .stop())
                    throw Failure()
                }
            }
            #expect(told == "exited: error (Failure)")
        }
    }

    @Test("the handler of an idle timeout may ask for the next one, which comes after the same time (R7)")
    func idleAgain() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin {
                $0.info = { state, info in
                    guard case .timeout = info else { return .wait }
                    state.seen.append(-1)
                    return .wait(idle: .seconds(10))
                }
                $0.afterInit = .wait(idle: .seconds(10))
            }
            for _ in 0..<5 { await test.advance(by: .seconds(11)) }
            #expect(try await server.call { .seen($0) }.count == 5)
        }
    }

    @Test("calls on their caller's thread arm the idle timeout and take it away as others do (R7)")
    func idleInPlace() async throws {
        try await withRuntime { test in
            let server = try await InPlaceDesk.begin {
                $0.info = { state, info in
                    if case .timeout = info { state.seen.append(-1) }
                    return .wait
                }
            }
            await test.settle()
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .seconds(9))
            _ = try await server.ask { $1.reply(0) }
            await test.advance(by: .seconds(20))
            #expect(try await server.call { .seen($0) } == [])
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .seconds(11))
            #expect(try await server.call { .seen($0) } == [-1])
        }
    }

    @Test("system requests leave the idle timeout running; what is due while suspended comes after resume (R7, R21)")
    func idleAndSystem() async throws {
        try await withRuntime { test in
            let server = try await IdleTests.begin()
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .seconds(9))
            _ = try await server.sys.status()
            await test.advance(by: .seconds(2))
            #expect(try await server.sys.withState { $0.seen } == [-1])

            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            try await server.sys.suspend()
            await test.advance(by: .seconds(20))
            #expect(try await server.sys.withState { $0.seen } == [-1])
            try await server.sys.resume()
            await test.settle()
            #expect(try await server.sys.withState { $0.seen } == [-1, -1])
        }
    }

    @Test("a message that comes to a suspended server in time takes the idle timeout away (R7, R21)")
    func messageWhileSuspended() async throws {
        try await withRuntime { test in
            let server = try await IdleTests.begin()
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            try await server.sys.suspend()
            await test.advance(by: .seconds(5))
            server.cast(.note(1))
            await test.advance(by: .seconds(20))
            try await server.sys.resume()
            await test.settle()
            #expect(try await server.sys.withState { $0.seen } == [1])
        }
    }

    @Test("a hibernating server answers system requests, and sleeps on (R9, R21)")
    func hibernatingAnswers() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await Desk.begin { $0.hibernate = { record.add("hibernate") } }
            _ = try await server.ask { $1.reply(0, then: .hibernate) }
            await test.settle()
            #expect(try await server.sys.withState { $0.seen } == [])
            // It has answered, and goes back to sleep.
            await test.settle()
            #expect(server.pid.status.map { "\($0.activity)" } == "hibernating")
            #expect(record.count == 1)
        }
    }

    @Test("a throw out of continue, idle timeout and message handlers runs terminate (R11)", arguments: 0..<3)
    func throwsElsewhere(place: Int) async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await Desk.begin {
                $0.terminate = { _, reason in record.add("\(reason)") }
                $0.proceed = { _ in throw Failure() }
                $0.info = { _, _ in throw Failure() }
            }
            switch place {
            case 0: server.tell { _ in .continue }
            case 1: server.tell { _ in .wait(idle: .zero) }
            default: server.send(1)
            }
            await test.settle()
            await test.advance(by: .milliseconds(2))
            #expect(!server.pid.isAlive)
            #expect(record.all == ["error (Failure)"])
        }
    }

    @Test("an exit signal in init ends the start with its reason, the name is free, no terminate (R1, R11, R13)")
    func exitInInit() async throws {
        try await withRuntime { _ in
            let name: Desk.Name = "exit-in-init"
            let gate = Gate()
            let record = Record()
            let starter = Task {
                await reason {
                    try await Desk.begin(name: name) {
                        $0.begin = { _ in gate.pass() }
                        $0.terminate = { _, _ in record.add("terminate") }
                    }
                }
            }
            await gate.arrived()
            name.ref?.pid.exit(.shutdown)
            #expect(await starter.value == "exited: shutdown")
            #expect(name.ref == nil)
            gate.open()
            #expect(record.count == 0)
        }
    }

    @Test("a server that traps is told of its own exit signal, normal as well (R12, R13)")
    func ownExitTrapped() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await TrappingDesk.begin {
                $0.info = { _, info in
                    if case .exit(let from, let reason) = info { record.add("\(from == Pid.current) \(reason)") }
                    return .wait
                }
            }
            let answer = try await server.ask { _, from in
                for reason in [ExitReason.normal, .error(Failure())] { Pid.current?.exit(reason) }
                return from.reply(1)
            }
            #expect(answer == 1)
            #expect(try await server.call { .seen($0) } == [])
            #expect(record.all == ["true normal", "true error (Failure)"])
        }
    }

    @Test(
        "a handler's own exit signal ends its server when it returns; its own kill fences what it does from then on (R13)",
        arguments: [false, true])
    func ownEnd(kills: Bool) async throws {
        try await withRuntime { _ in
            var heard = Set<[Int]>()
            for _ in 0..<20 {
                let other = try await Desk.begin()
                let server = try await Desk.begin()
                async let end = server.pid.waitForExit()
                server.tell { _ in
                    if kills { Pid.current?.kill() } else { Pid.current?.exit(.shutdown) }
                    other.cast(.note(1))
                    return .wait
                }
                let text = "\(try await end)"
                #expect(text == (kills ? "killed" : "shutdown") || text == "no process")
                heard.insert(try await other.call { .seen($0) })
            }
            // The signal does not fence it, but who stands still in a handler for milliseconds goes on unheard.
            #expect(kills ? heard == [[]] : heard.contains([1]) && heard.isSubset(of: [[], [1]]))
        }
    }

    @Test("a linked server outlives its parent's kill no more than its crash, and says its last words (R11, R14)")
    func parentIsKilled() async throws {
        try await withRuntime { _ in
            let record = Record()
            let parent = try await Desk.begin()
            _ = try await parent.ask { _, from in
                var script = Desk.Script()
                script.terminate = { _, reason in record.add("\(reason)") }
                _ = try Desk.startLink(script)
                return from.reply(0)
            }
            parent.pid.kill()
            await eventually { record.count == 1 }
            #expect(record.all == ["killed"])
        }
    }

    @Test("a stop while init runs is served after it: start returns, then terminate (R1, R15)")
    func stopInInit() async throws {
        try await withRuntime { test in
            let name: Desk.Name = "stop-in-init"
            let gate = Gate()
            let record = Record()
            let starter = Task {
                try await Desk.begin(name: name) {
                    $0.begin = { _ in gate.pass() }
                    $0.terminate = { _, reason in record.add("\(reason)") }
                }
            }
            await gate.arrived()
            let stopper = Task { await reason { try await name.stop(.shutdown, timeout: .seconds(100)) } }
            await test.timersArmed(1)
            gate.open()
            let server = try await starter.value
            #expect(await stopper.value == "none")
            #expect(!server.pid.isAlive)
            #expect(record.all == ["shutdown"])
        }
    }

    @Test("what one sender requests, casts and calls arrives in its order (R5)")
    func requestsInOrder() async throws {
        try await withRuntime { _ in
            for round in 0..<50 {
                let server = try await InPlaceDesk.begin()
                let first = server.request { from in
                    .ask(from) { state, from in
                        state.seen.append(round)
                        return from.reply(1)
                    }
                }
                server.cast(.note(round + 1))
                let seen = try await server.call { .seen($0) }
                #expect(seen == [round, round + 1])
                #expect(try await first.value() == 1)
            }
        }
    }
}
