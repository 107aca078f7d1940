// SPDX-License-Identifier: Apache-2.0
// Idle timeouts, hibernation and continue of an async server.

import Testing

@testable import Martlet

@Suite("Next of an async server", .tags(.parity), .timeLimit(.minutes(5)))
struct AsyncIdleTests {
    @Test("wait(idle:) sends timeout once when no message came, never early (R7, S19)")
    func fires() async throws {
        try await withRuntime { test in
            let server = try await AsyncDesk.begin()
            _ = try await server.ask {
                await Task.yield()
                return $1.reply($0.seen.count, then: .wait(idle: .seconds(10)))
            }
            await test.settle()
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
            let server = try await AsyncDesk.begin()
            _ = try await server.ask { $1.reply($0.seen.count, then: .wait(idle: .seconds(10))) }
            await test.advance(by: .seconds(9))
            switch kind {
            case 0: _ = try await server.ask { $1.reply($0.seen.count) }
            case 1: server.cast(.note(5))
            case 2: server.send(6)
            default: server.pid.send(any: "stranger")
            }
            await test.settle()
            await test.advance(by: .seconds(60))
            #expect(try await server.call { .seen($0) }.contains(-1) == false)
        }
    }

    @Test("the time runs from the end of the callback, and a message that is queued by then wins (R7)")
    func fromTheEnd() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            for isQueued in [true, false] {
                server.tell { _ in
                    try await gate.pass()
                    return .wait(idle: .zero)
                }
                await gate.arrived(isQueued ? 1 : 2)
                await test.advance(by: .seconds(5))
                if isQueued { server.cast(.note(1)) }
                gate.open()
                await test.settle()
                await test.advance(by: .seconds(1))
                #expect(try await server.call { .seen($0) } == (isQueued ? [1] : [1, -1]))
            }
        }
    }

    @Test("continue runs before any queued message, after init and after each callback, and again (R8)")
    func proceed() async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin {
                $0.begin = { $0.seen = [0] }
                $0.afterInit = .continue
                $0.proceed = { state in
                    await Task.yield()
                    state.seen.append(state.seen.count)
                    return state.seen.count % 3 == 0 ? .wait : .continue
                }
            }
            server.tell { _ in
                try await gate.pass()
                return .continue
            }
            await gate.arrived()
            server.cast(.note(100))
            gate.open()
            #expect(try await server.call { .seen($0) } == [0, 1, 2, 3, 4, 5, 100])
        }
    }

    @Test("hibernate gives memory back and sleeps until the next message; at once awake if one is queued (R9)")
    func hibernates() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await AsyncDesk.begin { $0.hibernate = { record.add("hibernate") } }
            _ = try await server.ask { $1.reply($0.seen.count, then: .hibernate) }
            await test.settle()
            #expect(record.all == ["hibernate"])
            #expect(server.pid.status.map { "\($0.activity)" } == "hibernating")
            server.cast(.note(1))
            #expect(try await server.call { .seen($0) } == [1])
            await test.settle()
            #expect(server.pid.status.map { "\($0.activity)" } == "waiting")
        }
    }

    @Test("hibernatesAfter puts it to sleep when no message came for so long (R9, S7)")
    func hibernatesAfter() async throws {
        try await withRuntime { test in
            let record = Record()
            let server = try await AsyncScripted<Drowsy>.begin { $0.hibernate = { record.add("hibernate") } }
            await test.advance(by: .seconds(9))
            server.cast(.note(1))
            await test.settle()
            await test.advance(by: .seconds(9))
            #expect(record.count == 0)
            await test.advance(by: .seconds(2))
            #expect(record.count == 1)
            #expect(try await server.call { .seen($0) } == [1])
        }
    }
}
