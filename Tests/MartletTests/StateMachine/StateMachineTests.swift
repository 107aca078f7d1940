// SPDX-License-Identifier: Apache-2.0
// Transitions of a running machine: enter, postpone, insert, replies, ends.

import Testing

@testable import Martlet

@Suite("State machine", .timeLimit(.minutes(5)))
struct StateMachineTests {
    /// Writes down what is entered.
    private static let entering:
        @Sendable (inout ScriptedMachine, ScriptedMachine.State, ScriptedMachine.State?) ->
            [ScriptedMachine.Action] = { machine, state, old in
                machine.notes.append("enter \(state) from \(old.map { "\($0)" } ?? "nothing")")
                return []
            }

    // MARK: States

    @Test("enter runs for the first state before any event, for another, and again, but not for staying (S42)")
    func enter() async throws {
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin { $0.enter = Self.entering }
            machine.go(.next(.busy))
            machine.go(.next(.busy))
            machine.go(.keep)
            machine.go(.enterAgain())
            machine.go(.next(.done))
            #expect(
                try await machine.notes() == [
                    "enter idle from nothing", "enter busy from idle", "enter busy from busy", "enter done from busy",
                ])
            #expect(try await machine.sys.machineState() == .done)
        }
    }

    @Test("start returns before the first enter, and no message comes before it (R1, R8)", .tags(.parity))
    func firstEnter() async throws {
        try await withRuntime { _ in
            let name: ScriptedMachine.Name = "first"
            let machine = try await ScriptedMachine.begin(name: name) { script in
                script.begin = { name.note("early") }
                script.enter = Self.entering
            }
            #expect(try await machine.notes() == ["enter idle from nothing", "early in idle"])
        }
    }

    @Test("the timeouts of an enter start, those of the handler before it count less")
    func enterTimeouts() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin { script in
                script.enter = { _, state, _ in state == .busy ? [.stateTimeout(.seconds(2))] : [] }
            }
            machine.go(.next(.busy, .stateTimeout(.seconds(1))))
            _ = try await machine.notes()
            await test.advance(by: .seconds(1))
            #expect(try await machine.notes() == [])
            await test.advance(by: .seconds(1))
            #expect(try await machine.notes() == ["state timeout in busy"])
        }
    }

    @Test("an enter that postpones or inserts ends the machine; nothing else hears of it", arguments: [false, true])
    func badEnter(inserts: Bool) async throws {
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin { script in
                script.enter = { _, state, _ in
                    if state == .idle { return [] }
                    return inserts ? [.insert(.cast(.note("no")))] : [.postpone]
                }
            }
            let said = await reason { try await machine.ask { _, _, _ in .next(.busy) } }
            #expect(said == "exited: error (StateMachineError)")
        }
    }

    // MARK: Events that wait

    @Test("postponed events come back when the state changes, in order, before what is queued (S42)")
    func postpone() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin { $0.note = { $0 == .idle ? .postpone : .keep } }
            for number in 1...3 { machine.note("\(number)") }
            #expect(try await machine.notes() == [])
            machine.go(.next(.idle))
            machine.go(.enterAgain())
            #expect(try await machine.notes() == [])
            let gate = Gate()
            machine.tell { _, _ in
                gate.pass()
                return .next(.busy)
            }
            await gate.arrived()
            machine.note("4")
            gate.open()
            #expect(try await machine.notes() == (1...4).map { "\($0) in busy" })
        }
    }

    @Test("a postponed call is answered from a later state; its caller waits as for any reply")
    func postponedCall() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            let asking = Task {
                try await machine.ask { from, _, state in
                    state == .idle ? .postpone : from.reply(7, then: .next(.done))
                }
            }
            await eventually { test.runtime.statistics.handled >= 1 }
            #expect(try await machine.sys.machineState() == .idle)
            machine.go(.next(.busy))
            #expect(try await asking.value == 7)
            #expect(try await machine.sys.machineState() == .done)
        }
    }

    @Test("a call whose caller gave up while it was postponed comes back all the same, with no time left (R3)")
    func postponedTooLong() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            let left = Record(String.self)
            let asking = Task(executorPreference: test.runtime.executor) {
                await reason {
                    try await machine.ask(timeout: .seconds(1)) { from, _, state in
                        if state == .idle { return .postpone }
                        left.add("\(from.remaining.map { "\($0)" } ?? "nil")")
                        return from.reply(1, then: .keep)
                    }
                }
            }
            await test.settle()
            await test.advance(by: .seconds(2))
            #expect(await asking.value == "timeout")
            machine.go(.next(.busy))
            _ = try await machine.notes()
            #expect(left.all == ["0.0 seconds"])
            #expect(test.runtime.deadLetterCounts[.lateReply] == 1)
        }
    }

    @Test("inserted events run next, in order, before what came back and what is queued")
    func insert() async throws {
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin { $0.note = { $0 == .idle ? .postpone : .keep } }
            machine.note("postponed")
            machine.go(.next(.busy, .insert(.cast(.note("first"))), .insert(.info(.message("second")))))
            machine.note("queued")
            #expect(
                try await machine.notes() == [
                    "first in busy", "second in busy", "postponed in busy", "queued in busy",
                ])
        }
    }

    @Test("too many postponed events end the machine")
    func postponedMax() async throws {
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin { $0.note = { _ in .postpone } }
            for number in 1...1_000 { machine.note("\(number)") }
            #expect(try await machine.notes() == [])
            async let end = machine.pid.waitForExit()
            machine.note("1001")
            let ended = "\(try await end)"
            #expect(ended == "error (StateMachineError)" || ended == "no process")
        }
    }

    @Test("events that go on inserting do not keep a kill away")
    func endlessInsertion() async throws {
        try await withRuntime { _ in
            let machine = try await ScriptedMachine.begin { script in
                script.note = { _ in .keep(.insert(.cast(.note("again")))) }
            }
            machine.note("begin")
            machine.pid.kill()
            _ = try await machine.pid.waitForExit()
        }
    }

    // MARK: Ends

    @Test("a reply is heard before a stop: terminate runs after it (stop_and_reply, R10)", .tags(.parity))
    func replyThenStop() async throws {
        try await withRuntime { _ in
            let gate = Gate()
            let record = Record(String.self)
            let machine = try await ScriptedMachine.begin { script in
                script.terminate = { reason, state in
                    gate.pass()
                    record.add("\(reason) in \(state)")
                }
            }
            machine.go(.next(.busy))
            let reply = try await machine.ask { from, _, _ in from.reply(3, then: .stop(.shutdown)) }
            #expect(reply == 3)
            await gate.arrived()
            #expect(record.all == [])
            gate.open()
            _ = try await machine.pid.waitForExit()
            #expect(record.all == ["shutdown in busy"])
        }
    }

    @Test("an end fails every postponed call once, with its reason", arguments: ["stop", "next", "throw", "kill"])
    func endWithPostponed(how: String) async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            let calls = (0..<3).map { _ in
                Task { await reason { try await machine.ask { _, _, _ in .postpone } } }
            }
            await eventually { test.runtime.statistics.handled == 3 }
            let expected: String
            switch how {
            case "stop":
                try await machine.stop(.shutdown)
                expected = "exited: shutdown"
            case "next":
                machine.go(.stop())
                expected = "exited: normal"
            case "throw":
                machine.tell { _, _ in throw Failure() }
                expected = "exited: error (Failure)"
            default:
                machine.pid.kill()
                expected = "exited: killed"
            }
            for call in calls { #expect(await call.value == expected) }
        }
    }

    @Test(
        "throws out of init, enter and handle: a failed start, and the error as reason, in the state that was entered")
    func throwing() async throws {
        try await withRuntime { _ in
            do throws(StartError) {
                _ = try await ScriptedMachine.begin { $0.begin = { throw Failure() } }
                Issue.record("expected a failed start")
            } catch { #expect("\(error)" == "failed (Failure)") }

            let record = Record(String.self)
            let machine = try await ScriptedMachine.begin { script in
                script.enter = { _, state, _ in
                    if state == .busy { throw Failure() }
                    return []
                }
                script.terminate = { reason, state in record.add("\(reason) in \(state)") }
            }
            #expect(await reason { try await machine.ask { _, _, _ in .next(.busy) } } == "exited: error (Failure)")
            #expect(record.all == ["error (Failure) in busy"])
        }
    }

    @Test("signals and undeclared values are events")
    func infos() async throws {
        try await withRuntime { _ in
            let seen = Record(String.self)
            let machine = try await ScriptedMachine.begin { script in
                script.info = { info in
                    switch info {
                    case .unexpected(let value): seen.add("\(value)")
                    case .down(_, _, let reason): seen.add("down \(reason)")
                    default: seen.add("other")
                    }
                    return .keep
                }
            }
            let desk = try await Desk.begin()
            machine.pid.send(any: 5)
            machine.tell { _, _ in
                _ = desk.pid.monitor()
                return .keep
            }
            _ = try await machine.notes()
            try await desk.stop()
            await eventually { seen.count == 2 }
            #expect(seen.all == ["5", "down normal"])
            machine.send("hello")
            #expect(try await machine.notes() == ["hello in idle"])
        }
    }

    @Test("a machine whose data cannot be copied is a machine, and is destroyed with its process", .tags(.leak))
    func noncopyable() async throws {
        let census = Census()
        try await withRuntime { _ in
            let machine = try await Holder.start(census)
            #expect(try await machine.call { .held($0) } == 1)
            #expect(try await machine.sys.withState { $0.resource.census.alive } == 1)
            try await machine.stop()
            #expect(census.alive == 0)
        }
        #expect(census.total == 1)
    }

    struct Holder: StateMachine, ~Copyable {
        enum State { case only }
        enum Call { case held(From<Int>) }
        let resource: TrackedResource
        var initialState: State { .only }
        init(_ census: Census) { resource = TrackedResource(census) }
        mutating func handle(_ event: Event, in state: State) -> Transition {
            guard case .call(.held(let from)) = event else { return .keep }
            return from.reply(resource.census.alive, then: .keep)
        }
    }
}
