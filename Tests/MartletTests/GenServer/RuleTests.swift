// SPDX-License-Identifier: Apache-2.0
// Rules of OTP that no other suite shows by itself; Documentation/OTPParity.md has the table of all.

import Testing

@testable import Martlet

@Suite("OTP rules", .tags(.parity), .timeLimit(.minutes(5)))
struct RuleTests {
    typealias TrappingDesk = Scripted<StartTiedTests.Trapping>

    // MARK: Exits

    @Test("a kill ends a server that traps, without terminate; a trapped killed from exit does not (R11, R13)")
    func killIsNotTrapped() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await TrappingDesk.begin {
                $0.info = { _, info in
                    if case .exit(let from, let reason) = info { record.add("\(from) \(reason)") }
                    return .wait
                }
                $0.terminate = { _, reason in record.add("terminate \(reason)") }
            }
            server.pid.exit(.killed)
            #expect(try await server.call { .seen($0) } == [])
            #expect(record.all == ["\(Pid.none) killed"])
            try await withProcess(receiving: Never.self) { mailbox in
                let monitor = server.pid.monitor()
                server.pid.kill()
                guard case .down(monitor, _, .killed) = try await mailbox.receiveInfo() else {
                    Issue.record("expected killed")
                    return
                }
            }
            #expect(record.count == 1)
        }
    }

    @Test("a parent that ends normally leaves a linked server alone, unless it traps: then terminate runs (R11, R14)")
    func parentEndsNormally() async throws {
        try await withRuntime { _ in
            let record = Record()
            let started = Record(Pid.self)
            let parent = spawn(Never.self) { _ in
                var plain = Desk.Script()
                plain.terminate = { _, reason in record.add("plain \(reason)") }
                var trapping = TrappingDesk.Script()
                trapping.terminate = { _, reason in record.add("trapping \(reason)") }
                started.add(try await Desk.startLink(plain).pid)
                started.add(try await TrappingDesk.startLink(trapping).pid)
            }
            await eventually { !parent.pid.isAlive && started.count == 2 && !started.all[1].isAlive }
            #expect(started.all[0].isAlive)
            #expect(record.all == ["trapping normal"])
        }
    }

    @Test("exit of oneself with normal ends a server that does not trap, without terminate (R11, R13)")
    func ownExit() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await Desk.begin { $0.terminate = { _, _ in record.add("terminate") } }
            let told = await reason {
                try await server.ask { _, _ in
                    Pid.current?.exit(.normal)
                    return .wait
                }
            }
            #expect(told == "exited: normal")
            #expect(!server.pid.isAlive)
            #expect(record.count == 0)
        }
    }

    @Test("an ExitSignal out of a handler ends it with that reason, terminate included, no crash report (R11, R16)")
    func exitSignal() async throws {
        try await withRuntime { test in
            var reports = test.runtime.crashReports().makeAsyncIterator()
            let record = Record()
            for reason in [ExitReason.normal, .shutdown, .shutdownWith(7)] {
                let server = try await Desk.begin { $0.terminate = { _, reason in record.add("\(reason)") } }
                let told = await Self.told(server, reason)
                #expect(told == "exited: \(reason)")
            }
            #expect(record.all == ["normal", "shutdown", "shutdown (Int)"])
            let last = try await Desk.begin()
            last.tell { _ in throw Failure() }
            #expect(await reports.next()?.process.pid == last.pid)
        }
    }

    /// What a caller hears whose request makes the handler throw `ExitSignal(signal)`.
    private static func told(_ server: Desk.Ref, _ signal: ExitReason) async -> String {
        await reason { try await server.ask { _, _ in throw ExitSignal(signal) } }
    }

    @Test("a linked process hears of the end behind all that its peer sent (R5, R14)")
    func exitIsLast() async throws {
        try await withRuntime { _ in
            try await withProcess(receiving: Int.self) { mailbox in
                mailbox.trapsExits = true
                let me = mailbox.ref
                let peer = spawnLink(Never.self) { _ in
                    for number in 0..<1_000 { me.send(number) }
                    throw Failure()
                }
                for number in 0..<1_000 {
                    guard case .message(number) = try await mailbox.receiveInfo() else {
                        Issue.record("expected \(number)")
                        return
                    }
                }
                guard case .exit(peer.pid, .error) = try await mailbox.receiveInfo() else {
                    Issue.record("expected the exit signal")
                    return
                }
            }
        }
    }

    @Test("links, monitors, callers, waiters and the crash report are told one and the same reason (R16)")
    func oneReason() async throws {
        try await withRuntime { test in
            var reports = test.runtime.crashReports().makeAsyncIterator()
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                let server = try await Desk.startLink(Desk.Script())
                _ = server.pid.monitor()
                async let end = server.pid.waitForExit()
                async let told = Self.code { _ = try await server.ask { _, _ in throw Failure(42) } }
                var heard: [Int?] = []
                for _ in 0..<2 {
                    switch try await mailbox.receiveInfo() {
                    case .exit(server.pid, .error(let error)), .down(_, server.pid, .error(let error)):
                        heard.append((error as? Failure)?.code)
                    default: heard.append(nil)
                    }
                }
                #expect(heard == [42, 42])
                #expect(await told == 42)
                // A wait that begins when it is over is told that there is no process.
                if case .error(let error) = try await end { #expect(error as? Failure == Failure(42)) }
                if case .error(let error) = await reports.next()?.reason { #expect(error as? Failure == Failure(42)) }
            }
        }
    }

    /// `reason(of:)`, where a local name hides it.
    private static func outcome(_ body: () async throws -> Void) async -> String { await reason(of: body) }

    /// The code of the failure that a call failed with.
    private static func code(_ body: @Sendable () async throws -> Void) async -> Int? {
        do { try await body() } catch let error as CallError {
            guard case .exited(.error(let error)) = error.reason else { return nil }
            return (error as? Failure)?.code
        } catch { return nil }
        return nil
    }

    @Test("stop with a reason that has a value succeeds: terminate and those who watch are told it (R15)")
    func stopWithValue() async throws {
        try await withRuntime { _ in
            let record = Record()
            for reason in [ExitReason.error(Failure(3)), .shutdownWith("a summary")] {
                let server = try await Desk.begin { $0.terminate = { _, reason in record.add("\(reason)") } }
                try await withProcess(receiving: Never.self) { mailbox in
                    _ = server.pid.monitor()
                    try await server.stop(reason)
                    guard case .down(_, _, let told) = try await mailbox.receiveInfo() else {
                        Issue.record("expected the end")
                        return
                    }
                    #expect(told.isIdentical(to: reason))
                }
                let other = try await Desk.begin { $0.terminate = { _, _ in throw Failure(3) } }
                #expect(await Self.outcome { try await other.stop(reason) } == "exited: error (Failure)")
            }
            #expect(record.all == ["error (Failure)", "shutdown (String)"])
        }
    }

    @Test("of 1,000 linked counters one that crashes takes all along; a parent that returns leaves them all (S8)")
    func orphans() async throws {
        try await withRuntime { test in
            for crashes in [true, false] {
                let counters = Record(ProcessRef<Bool>.self)
                let parent = spawn { (mailbox: inout Mailbox<Bool>) in
                    for _ in 0..<1_000 {
                        counters.add(
                            spawnLink { (mailbox: inout Mailbox<Bool>) in
                                if try await mailbox.receive() { throw Failure() }
                            })
                    }
                    _ = try await mailbox.receive()
                }
                await eventually { counters.count == 1_000 }
                if crashes { counters.all[500].send(true) } else { parent.send(true) }
                await eventually { !parent.pid.isAlive }
                if crashes { await eventually { counters.all.allSatisfy { !$0.pid.isAlive } } }
                #expect(counters.all.filter { $0.pid.isAlive }.count == (crashes ? 0 : 1_000))
                for counter in counters.all { counter.send(false) }
            }
        }
    }

    // MARK: Info and idle times

    @Test("news of a monitored process takes the idle timeout away, as any message does (R7)")
    func newsClearsIdle() async throws {
        try await withRuntime { test in
            let server = try await IdleTests.begin()
            let other = try await Desk.begin()
            _ = try await server.ask { _, from in
                _ = other.pid.monitor()
                return from.reply(0, then: .wait(idle: .seconds(10)))
            }
            await test.advance(by: .seconds(9))
            other.pid.kill()
            await test.settle()
            await test.advance(by: .seconds(60))
            #expect(try await server.call { .seen($0) } == [])
        }
    }

    @Test("a request that is skipped, as its caller has given up, leaves the idle timeout as it is (R3, R7)")
    func skippedKeepsIdle() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await IdleTests.begin()
            server.tell { _ in
                gate.pass()
                return .wait(idle: .seconds(10))
            }
            await gate.arrived()
            let call = Task { await reason { try await server.ask(timeout: .seconds(1)) { $1.reply(0) } } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            #expect(await call.value == "timeout")
            gate.open()
            await test.settle()
            await test.advance(by: .seconds(11))
            #expect(try await server.call { .seen($0) } == [-1])
        }
    }

    @Test("a server with an idle timeout hibernates by itself all the same, and is told of both in turn (R7, R9)")
    func idleAndHibernation() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await Desk.begin(options: StartOptions(hibernatesAfter: .seconds(1))) {
                $0.hibernate = { record.add("hibernate") }
                $0.info = { _, info in
                    if case .timeout = info { record.add("timeout") }
                    return .wait
                }
            }
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .seconds(2))
            #expect(record.all == ["hibernate"])
            await test.advance(by: .seconds(9))
            #expect(record.all.prefix(2) == ["hibernate", "timeout"])
        }
    }

    private struct Stranger: Sendable { let secret = "s3cret" }
    private struct Deaf: GenServer { init(_: Void) {} }

    @Test("a server without messages logs an unexpected one by its type, never its value, and lives (R17)")
    func unexpectedIsLogged() async throws {
        try await withRuntime { test in
            let server = try await Deaf.start()
            server.pid.send(any: Stranger())
            await test.settle()
            let lines = Logs.lines("unexpected info").filter { $0.metadata["pid"] == "\(server.pid)" }
            #expect(lines.count == 1)
            #expect(lines.first?.metadata["server"]?.hasSuffix("Deaf") == true)
            #expect(lines.first?.metadata["info"] == "message of type Stranger")
            #expect(!"\(lines)".contains("s3cret"))
            #expect(server.pid.isAlive)
        }
    }

    // MARK: Arguments

    private struct Contract: GenServer {
        enum Call { case summary(From<String>) }
        let (id, amount): (String, Int)
        init(_ argument: (id: String, amount: Int)) { (id, amount) = argument }
        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .summary(let from): from.reply("\(id): \(amount)")
            }
        }
    }

    @Test("several arguments are one tuple (S22)")
    func arguments() async throws {
        try await withRuntime { _ in
            let contract = try await Contract.start((id: "m-1", amount: 100_000))
            #expect(try await contract.call { .summary($0) } == "m-1: 100000")
        }
    }
}
