// SPDX-License-Identifier: Apache-2.0
// The examples of StateMachines.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("StateMachines.md", .timeLimit(.minutes(5)))
struct StateMachinesArticleTests {
    struct Modem: StateMachine {
        enum State { case idle, dialling, online }
        enum Call { case send(String, From<Int>), hangUp(From<Void>) }
        enum Message { case answered, lost }
        enum TimerName { case unused }
        typealias Line = @Sendable (ProcessRef<Message>) -> Void

        private var sent = 0
        private let dial: Line
        var initialState: State { .idle }
        init(_ dial: @escaping Line) { self.dial = dial }

        mutating func handle(_ event: Event, in state: State) -> Transition {
            switch (event, state) {
            case (.call(.send), .idle):
                return .next(.dialling, .postpone)
            case (.call(.send), .dialling):
                return .postpone
            case (.call(.send(_, let from)), .online):
                sent += 1
                return from.reply(sent, then: .keep(.timeout(.unused, .seconds(30))))
            case (.info(.message(.answered)), .dialling):
                return .next(.online)
            case (.stateTimeout, .dialling):
                return .enterAgain()  // dials again
            case (.info(.message(.lost)), .online), (.timeout(.unused), .online):
                return .next(.idle)
            case (.call(.hangUp(let from)), _):
                return from.reply(then: .stop())
            case (.info, _), (.timeout, _), (.stateTimeout, _), (.eventTimeout, _), (.cast, _):
                return .keep
            }
        }

        mutating func enter(_ state: State, from old: State?) -> [Action] {
            guard state == .dialling else { return [] }
            dial(Self.current.process)
            return [.stateTimeout(.seconds(5))]
        }
    }

    /// Sends a hundred at a time.
    struct FasterModem: StateMachine {
        typealias State = Modem.State
        typealias Call = Modem.Call
        typealias Message = Modem.Message
        typealias TimerName = Modem.TimerName

        var initialState: State { .idle }
        init(_: Void) {}
        init(after old: Modem) {}

        mutating func handle(_ event: Event, in state: State) -> Transition {
            switch (event, state) {
            case (.call(.send(_, let from)), .online): from.reply(100, then: .keep)
            case (.timeout(.unused), .online): .next(.idle)
            default: .keep
            }
        }
    }

    @Test("a machine becomes one of another type, in its state, and a timeout runs on (S37)")
    func changed() async throws {
        try await withTestRuntime { test in
            let modem = try await Modem.start { line in line.send(.answered) }
            #expect(try await modem.call { .send("hello", $0) } == 1)
            let faster = try await modem.sys.changeCode(to: FasterModem.self, state: { $0 }) { FasterModem(after: $0) }
            #expect(try await modem.call { .send("world", $0) } == 100)
            await test.clock.advance(by: .seconds(30))
            #expect(try await faster.sys.machineState() == .idle)
            try await faster.stop()
            test.assertNothingLeft()
        }
    }

    @Test("what is sent too early waits for the line, and the line is given up when nobody sends (S42)")
    func modem() async throws {
        try await withTestRuntime { test in
            let modem = try await Modem.start { line in line.sendAfter(.seconds(2), .answered) }
            let first = try await modem.call { .send("hello", $0) }  // 1, after two seconds: it waited for the line
            #expect(first == 1 && test.clock.now >= .seconds(2))
            let state = try await modem.sys.machineState()  // .online
            #expect(state == .online)
            #expect(try await modem.call { .send("world", $0) } == 2)
            await test.clock.advance(by: .seconds(30))
            #expect(try await modem.sys.machineState() == .idle)
            try await modem.call { .hangUp($0) }
            _ = try await modem.pid.waitForExit()
            test.assertNothingLeft()
        }
    }

    @Test("a line that does not answer is dialled again, while the caller waits")
    func again() async throws {
        try await withTestRuntime { test in
            let dialled = Lines()
            let modem = try await Modem.start { line in
                if dialled.next() == 3 { line.send(.answered) }
            }
            #expect(try await modem.call(timeout: nil) { .send("hello", $0) } == 1)
            #expect(test.clock.now >= .seconds(10))
            try await modem.stop()
            test.assertNothingLeft()
        }
    }

    private final class Lines: Sendable {
        private let count = _Locked(0)
        func next() -> Int {
            count.withLock {
                $0 += 1
                return $0
            }
        }
    }
}
