// SPDX-License-Identifier: Apache-2.0
// A state machine seen through sys (R21): as any server, and its data and state typed.

import Testing

@testable import Martlet

@Suite("State machine sys", .tags(.parity), .timeLimit(.minutes(5)))
struct StateMachineSysTests {
    @Test("suspended, nothing is handled; timeouts that pass meanwhile come when it is resumed")
    func suspend() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            machine.go(.next(.busy, .stateTimeout(.seconds(1))))
            _ = try await machine.notes()
            try await machine.sys.suspend()
            machine.note("queued")
            await test.advance(by: .seconds(2))
            #expect(try await machine.sys.withState { $0.notes } == [])
            #expect(try await machine.sys.status().isSuspended)
            try await machine.sys.resume()
            #expect(try await machine.notes() == ["queued in busy", "state timeout in busy"])
        }
    }

    @Test("data is read, changed and replaced in place; the state is read; a throw leaves the data")
    func state() async throws {
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin { $0.initial = .busy }
            #expect(try await machine.sys.machineState() == .busy)
            try await machine.sys.updateState { $0.notes = ["a"] }
            try await machine.sys.replaceState { old in
                var new = old
                new.notes.append("b")
                return new
            }
            await #expect(throws: Failure()) { try await machine.sys.replaceState { _ in throw Failure() } }
            #expect(try await machine.sys.state().notes == ["a", "b"])
            #expect(try await machine.notes() == ["a", "b"])
            #expect(try await machine.sys.machineState() == .busy)
        }
    }

    @Test("the same where it is known as a server only")
    func asServer() async throws {
        func address<S: Server>(_ ref: ServerRef<S>, _ body: @escaping @Sendable (S) -> Int) async throws -> Int {
            try await ref.sys.withState { body($0) }
        }
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin()
            machine.send("hello")
            _ = try await machine.notes()
            let count = try await address(machine) { $0.notes.count }
            #expect(count == 1)
        }
    }

    @Test("status and crash report show formatStatus and the name of the state, never its values")
    func status() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin { $0.initial = .done }
            #expect(try await machine.sys.status().state == "0 notes, ScriptedMachine.State.done")
            #expect(machine.pid.status?.type == "ScriptedMachine")
            var reports = test.runtime.crashReports().makeAsyncIterator()
            machine.tell { _, _ in throw Failure() }
            #expect(await reports.next()?.state == "0 notes, ScriptedMachine.State.done")
        }
    }

    @Test("log and statistics see its messages, timeouts included")
    func log() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            try await machine.sys.keepLog(10)
            try await machine.sys.collectStatistics(true)
            machine.go(.keep(.timeout(.one, .seconds(1))))
            await test.settle()
            await test.advance(by: .seconds(1))
            _ = try await machine.notes()
            let kinds = try await machine.sys.log().map { "\($0.kind)" }
            #expect(kinds.count == 7)
            #expect(kinds.first == #"cast("ScriptedMachine.Cast.tell")"#)
            #expect(try await machine.sys.statistics()?.messagesIn == 3)
        }
    }

    @Test(
        "a machine does not become a server by a change of code, nor a server a machine: it traps, as one has an engine"
    )
    func otherKind() async throws {
        await #expect(processExitsWith: .failure) {
            let desk = try await PlainServer.start()
            _ = try await desk.sys.changeCode(to: PlainMachine.self) { _ in PlainMachine(()) }
        }
        await #expect(processExitsWith: .failure) {
            let machine = try await PlainMachine.start()
            _ = try await machine.sys.changeCode(to: PlainServer.self) { _ in PlainServer(()) }
        }
    }

    struct PlainServer: GenServer {
        init(_: Void) {}
    }

    struct PlainMachine: StateMachine {
        enum State { case only }
        var initialState: State { .only }
        init(_: Void) {}
        mutating func handle(_ event: Event, in state: State) -> Transition { .keep }
    }
}
