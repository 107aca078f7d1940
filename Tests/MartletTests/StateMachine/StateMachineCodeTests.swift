// SPDX-License-Identifier: Apache-2.0
// Machines that become machines of another type (S37): what waits goes on waiting.

import Testing

@testable import Martlet

@Suite("State machine code change", .timeLimit(.minutes(5)))
struct StateMachineCodeTests {
    enum Call { case look(From<[String]>), dial(From<String>) }
    enum Cast { case begin, connect }
    enum TimerName { case reminder }

    /// A line that lets calls wait until it is connected.
    struct Line: StateMachine {
        typealias Call = StateMachineCodeTests.Call
        typealias Cast = StateMachineCodeTests.Cast
        typealias TimerName = StateMachineCodeTests.TimerName
        enum State { case idle, open }
        var initialState: State { .idle }
        var notes: [String] = []

        init(_: Void) {}

        mutating func handle(_ event: Event, in state: State) -> Transition {
            switch event {
            case .call(.look(let from)): return from.reply(notes, then: .keep)
            case .call(.dial): return .postpone
            case .cast(.begin): return .keep(.stateTimeout(.seconds(2)), .timeout(.reminder, .seconds(1)))
            case .cast(.connect): return .next(.open)
            case .stateTimeout, .eventTimeout, .timeout, .info:
                notes.append("old")
                return .keep
            }
        }
    }

    /// The next version: another state, data that is no copy, and an answer.
    struct Trunk: StateMachine, ~Copyable {
        typealias Call = StateMachineCodeTests.Call
        typealias Cast = StateMachineCodeTests.Cast
        typealias TimerName = StateMachineCodeTests.TimerName
        enum State: Equatable { case waiting(since: Int), connected }
        var initialState: State { .connected }
        var notes: [String] = []
        var tracked: Tracked?

        init(_: Void) {}
        init(after old: Line) { notes = old.notes }
        init(in census: Census) { tracked = Tracked(census) }

        mutating func enter(_ state: State, from old: State?) -> [Action] {
            notes.append("enter \(state)")
            return []
        }

        mutating func handle(_ event: Event, in state: State) -> Transition {
            switch (event, state) {
            case (.call(.look(let from)), _): return from.reply(notes, then: .keep)
            case (.call(.dial(let from)), .connected): return from.reply("hello", then: .keep)
            case (.call(.dial), _): return .postpone
            case (.cast(.connect), _): return .next(.connected)
            case (.timeout, _):
                notes.append("reminder")
                return .keep
            case (.stateTimeout, _):
                notes.append("state timeout")
                return .next(.connected)
            case (.cast(.begin), _), (.eventTimeout, _), (.info, _): return .keep
            }
        }
    }

    private static func changed(_ line: Line.Ref) async throws -> Trunk.Ref {
        try await line.sys.changeCode(to: Trunk.self, state: { $0 == .idle ? .waiting(since: 7) : .connected }) {
            Trunk(after: $0)
        }
    }

    @Test("data and state are changed; postponed events and timeouts wait on, and nothing is entered (R21, S37)")
    func changes() async throws {
        let name: Line.Name = "line"
        try await withRuntime { test in
            let line = try await Line.start(name: name)
            let dialling = Task { try await line.call { .dial($0) } }
            await eventually { line.pid.status?.handled == 1 }
            line.cast(.begin)
            // A change of code would pass what is queued.
            #expect(try await line.call { .look($0) } == [])
            let trunk = try await Self.changed(line)
            #expect(trunk.pid == line.pid && name.ref?.pid == line.pid)
            #expect(line.pid.status?.type == "StateMachineCodeTests.Trunk")
            #expect(try await trunk.sys.machineState() == .waiting(since: 7))
            await test.advance(by: .seconds(1))
            #expect(try await name.call { .look($0) } == ["reminder"])
            await test.advance(by: .seconds(1))
            #expect(try await dialling.value == "hello")
            #expect(try await trunk.call { .look($0) } == ["reminder", "state timeout", "enter connected"])
            #expect(await reason { try await line.sys.machineState() } == "timeout")
            try await trunk.stop()
        }
    }

    @Test("suspended, the machine is changed and stays so; what was queued is the new type's")
    func suspended() async throws {
        try await withRuntime { test in
            let line = try await Line.start()
            try await line.sys.suspend()
            line.cast(.connect)
            let trunk = try await Self.changed(line)
            #expect(try await trunk.sys.status().isSuspended)
            try await trunk.sys.resume()
            #expect(try await trunk.call { .dial($0) } == "hello")
            #expect(try await trunk.call { .look($0) } == ["enter connected"])
        }
    }

    @Test(
        "a throw, for the state or for the data, leaves the machine as it was; the error is thrown here",
        arguments: [true, false])
    func throwing(isForState: Bool) async throws {
        try await withRuntime { test in
            let line = try await Line.start()
            line.cast(.begin)
            #expect(try await line.call { .look($0) } == [])
            await #expect(throws: Failure()) {
                let state: @Sendable (Line.State) throws -> Trunk.State = { _ in
                    if isForState { throw Failure() }
                    return .connected
                }
                _ = try await line.sys.changeCode(to: Trunk.self, state: state) { _ in throw Failure() }
            }
            await test.advance(by: .seconds(1))
            #expect(try await line.call { .look($0) } == ["old"])
            #expect(try await line.sys.machineState() == .idle)
        }
    }

    @Test("data that is no copy goes on in the new type; a throw ends the machine and the data")
    func withoutCopy() async throws {
        try await withRuntime { test in
            let line = try await Line.start()
            let first = try await Self.changed(line)
            let census = Census()
            let second = try await first.sys.changeCode(to: Trunk.self, state: { $0 }) { _ in Trunk(in: census) }
            #expect(try await second.sys.machineState() == .waiting(since: 7))
            #expect(census.alive == 1)
            let told = await reason {
                try await second.sys.changeCode(to: Trunk.self, state: { $0 }) { _ in throw Failure() }
            }
            #expect(told == "exited: error (Failure)")
            #expect(census.alive == 0)
        }
    }
}
