// SPDX-License-Identifier: Apache-2.0
// Idle timeouts, hibernation and continue: what a callback's Next asks for.

import Testing

@testable import Martlet

@Suite("Next: idle, hibernate, continue", .tags(.parity), .timeLimit(.minutes(5)))
struct IdleTests {
    /// A desk that notes -1 for each idle timeout.
    static func begin(
        _ change: (inout Desk.Script) -> Void = { _ in }
    ) async throws -> Desk.Ref {
        try await Desk.begin {
            $0.info = { state, info in
                switch info {
                case .timeout: state.seen.append(-1)
                case .message(let number): state.seen.append(number)
                default: break
                }
                return .wait
            }
            change(&$0)
        }
    }

    @Test("wait(idle:) sends timeout once when no message came, never early (R7, S19)")
    func fires() async throws {
        try await withRuntime { test in
            let server = try await Self.begin()
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .nanoseconds(9_999_999_999))
            #expect(test.runtime.statistics.timers == 1)
            await test.advance(by: .milliseconds(2))
            #expect(try await server.call { .seen($0) } == [-1])
            await test.advance(by: .seconds(100))
            #expect(try await server.call { .seen($0) } == [-1])
        }
    }

    @Test("any message takes the idle timeout away: call, cast and info (R7, S36)", arguments: [0, 1, 2, 3])
    func cleared(by kind: Int) async throws {
        try await withRuntime { test in
            let server = try await Self.begin()
            _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .seconds(9))
            switch kind {
            case 0: _ = try await server.ask { $1.reply(0) }
            case 1: server.cast(.note(5))
            case 2: server.send(6)
            default: server.pid.send(any: "stranger")
            }
            await test.advance(by: .seconds(60))
            #expect(try await server.call { .seen($0) }.contains(-1) == false)
        }
    }

    @Test("it is armed again only when a callback returns it again, from then on (R7)")
    func rearmed() async throws {
        try await withRuntime { test in
            let server = try await Self.begin()
            for _ in 0..<5 {
                _ = try await server.ask { $1.reply(0, then: .wait(idle: .seconds(10))) }
                await test.advance(by: .seconds(9))
            }
            #expect(try await server.ask { $1.reply($0.seen.count, then: .wait(idle: .seconds(10))) } == 0)
            await test.advance(by: .seconds(11))
            #expect(try await server.call { .seen($0) } == [-1])
        }
    }

    @Test("it does not fire when a message is queued already, also at zero and below (R7)", arguments: [0, -5])
    func queuedWins(seconds: Int) async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Self.begin()
            server.tell { _ in
                gate.pass()
                return .wait(idle: .seconds(seconds))
            }
            await gate.arrived()
            server.cast(.note(1))
            gate.open()
            await test.advance(by: .seconds(1))
            #expect(try await server.call { .seen($0) } == [1])
            server.tell { _ in .wait(idle: .seconds(seconds)) }
            await test.settle()
            await test.advance(by: .seconds(1))
            #expect(try await server.call { .seen($0) } == [1, -1])
        }
    }

    @Test("afterInit arms the idle timeout, and stop from it ends the server (S15, S35)")
    func afterInit() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin {
                $0.afterInit = .wait(idle: .seconds(60))
                $0.info = { _, info in
                    guard case .timeout = info else { return .wait }
                    return .stop(.shutdown)
                }
            }
            await test.advance(by: .seconds(59))
            #expect(server.pid.isAlive)
            await test.advance(by: .seconds(2))
            #expect(!server.pid.isAlive)
        }
    }

    @Test("hibernate calls the hook, and any message wakes the server (R9, S7)")
    func hibernate() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await Desk.begin { $0.hibernate = { record.add("hibernate") } }
            for round in 1...3 {
                _ = try await server.ask { $1.reply(0, then: .hibernate) }
                await test.settle()
                #expect(record.count == round)
                #expect(try await server.ask { $1.reply(round) } == round)
            }
        }
    }

    @Test("with a message queued, hibernate is followed by it at once (R9)")
    func hibernateQueued() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin()
            server.tell { _ in
                gate.pass()
                return .hibernate
            }
            await gate.arrived()
            server.cast(.note(1))
            gate.open()
            await test.settle()
            #expect(try await server.call { .seen($0) } == [1])
        }
    }

    @Test("hibernatesAfter hibernates by itself after idle time, each time again; the option overrides (R9, S7, S19)")
    func automatic() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await Scripted<Drowsy>.begin { $0.hibernate = { record.add("type") } }
            let other = try await Desk.begin(options: StartOptions(hibernatesAfter: .seconds(1))) {
                $0.hibernate = { record.add("option") }
            }
            await test.advance(by: .milliseconds(999))
            #expect(record.all == [])
            await test.advance(by: .milliseconds(2))
            #expect(record.all == ["option"])
            await test.advance(by: .seconds(10))
            #expect(record.all == ["option", "type"])
            _ = try await server.ask { $1.reply(0) }
            await test.advance(by: .seconds(8))
            _ = try await server.ask { $1.reply(0) }
            await test.advance(by: .seconds(8))
            #expect(record.count == 2)
            await test.advance(by: .seconds(3))
            #expect(record.all == ["option", "type", "type"])
            #expect(other.pid.isAlive)
        }
    }

    @Test("continue runs at once, before queued messages, and may continue again (R8, S15)")
    func proceed() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let server = try await Desk.begin {
                $0.proceed = { state in
                    state.seen.append(-2)
                    return state.seen.count < 3 ? .continue : .wait
                }
            }
            server.tell { _ in
                gate.pass()
                return .continue
            }
            await gate.arrived()
            server.cast(.note(9))
            gate.open()
            await test.settle()
            #expect(try await server.call { .seen($0) } == [-2, -2, -2, 9])
        }
    }

    @Test("continue from afterInit runs before any message, after start has returned (R8, S15)")
    func proceedAfterInit() async throws {
        try await withRuntime { _ in
            let gate = Gate()
            let server = try await Desk.begin {
                $0.afterInit = .continue
                $0.proceed = { state in
                    gate.pass()
                    state.seen.append(-2)
                    return .wait
                }
            }
            server.cast(.note(1))
            gate.open()
            #expect(try await server.call { .seen($0) } == [-2, 1])
        }
    }

    @Test("stop from afterInit ends the server after a start that succeeded")
    func stopAfterInit() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await Desk.begin {
                $0.afterInit = .stop(.shutdown)
                $0.terminate = { _, reason in record.add("\(reason)") }
            }
            await test.settle()
            #expect(!server.pid.isAlive)
            #expect(record.all == ["shutdown"])
        }
    }
}
