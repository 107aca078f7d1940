// SPDX-License-Identifier: Apache-2.0
// Timeouts of a running machine, on a clock that the test moves (R7 in the words of gen_statem).

import Testing

@testable import Martlet

@Suite("State machine timeouts", .timeLimit(.minutes(5)))
struct StateMachineTimeoutTests {
    @Test("a state timeout fires in its state, once; a change of state ends it, staying and events do not")
    func state() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            machine.go(.next(.busy, .stateTimeout(.seconds(10))))
            _ = try await machine.notes()
            await test.advance(by: .seconds(9))
            machine.go(.next(.busy))
            machine.note("event")
            #expect(try await machine.notes() == ["event in busy"])
            await test.advance(by: .seconds(1))
            #expect(try await machine.notes() == ["event in busy", "state timeout in busy"])
            machine.go(.keep(.stateTimeout(.seconds(10))))
            machine.go(.next(.idle))
            _ = try await machine.notes()
            #expect(test.runtime.statistics.timers == 0)
            await test.advance(by: .seconds(20))
            #expect(try await machine.notes().count == 2)
        }
    }

    @Test("a state timeout set anew begins again, nil ends it")
    func restarted() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            machine.go(.keep(.stateTimeout(.seconds(10))))
            _ = try await machine.notes()
            await test.advance(by: .seconds(9))
            machine.go(.keep(.stateTimeout(.seconds(10))))
            _ = try await machine.notes()
            await test.advance(by: .seconds(9))
            #expect(try await machine.notes() == [])
            machine.go(.keep(.stateTimeout(nil)))
            _ = try await machine.notes()
            await test.advance(by: .seconds(9))
            #expect(try await machine.notes() == [])
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("any event ends the event timeout, sys does not (R7)", .tags(.parity))
    func event() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            machine.go(.keep(.eventTimeout(.seconds(10))))
            _ = try await machine.sys.machineState()
            await test.advance(by: .seconds(9))
            machine.note("event")
            await test.settle()
            await test.advance(by: .seconds(10))
            #expect(try await machine.notes() == ["event in idle"])
            machine.go(.keep(.eventTimeout(.seconds(10))))
            _ = try await machine.sys.status()
            await test.advance(by: .seconds(9))
            try await machine.sys.suspend()
            try await machine.sys.resume()
            await test.advance(by: .seconds(1))
            #expect(try await machine.notes() == ["event in idle", "event timeout in idle"])
        }
    }

    @Test("named timeouts run side by side, across states; a new one replaces that of its name, nil ends it")
    func named() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            machine.go(.keep(.timeout(.one, .seconds(1)), .timeout(.two, .seconds(2))))
            machine.go(.next(.busy, .timeout(.one, .seconds(3))))
            _ = try await machine.sys.machineState()
            await test.advance(by: .seconds(5))
            #expect(try await machine.notes() == ["two timeout in busy", "one timeout in busy"])
            machine.go(.keep(.timeout(.one, .seconds(1))))
            machine.go(.keep(.timeout(.one, nil)))
            _ = try await machine.notes()
            await test.advance(by: .seconds(2))
            #expect(try await machine.notes().count == 2)
        }
    }

    @Test("a timeout of zero comes before the mailbox, behind what is inserted; its state's end ends it")
    func zero() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            let gate = Gate()
            machine.tell { _, _ in
                gate.pass()
                return .keep(
                    .timeout(.one, .zero), .stateTimeout(.seconds(-1)), .eventTimeout(.zero),
                    .insert(.cast(.note("inserted"))))
            }
            await gate.arrived()
            machine.note("queued")
            gate.open()
            // The event timeout ended with the inserted event.
            #expect(
                try await machine.notes() == [
                    "inserted in idle", "one timeout in idle", "state timeout in idle", "queued in idle",
                ])
            machine.go(.keep(.eventTimeout(.zero)))
            machine.go(.keep(.stateTimeout(.zero), .insert(.cast(.tell { _, _ in .next(.busy) }))))
            #expect(try await machine.notes().dropFirst(4) == ["event timeout in idle"])
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("a timeout whose time was over when it was cancelled is not heard")
    func overtaken() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            let gate = Gate()
            machine.go(.next(.busy, .stateTimeout(.seconds(1)), .timeout(.one, .seconds(1))))
            machine.tell { _, _ in
                gate.pass()
                return .next(.done, .timeout(.one, .seconds(5)))
            }
            await gate.arrived()
            await test.advance(by: .seconds(2))
            gate.open()
            _ = try await machine.sys.machineState()
            #expect(try await machine.notes() == [])
            await test.advance(by: .seconds(6))
            #expect(try await machine.notes() == ["one timeout in done"])
        }
    }

    @Test("a timeout is heard behind what came before it was due")
    func inOrder() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            let gate = Gate()
            machine.go(.keep(.timeout(.one, .seconds(1))))
            machine.tell { _, _ in
                gate.pass()
                return .keep
            }
            await gate.arrived()
            machine.note("before")
            await test.advance(by: .seconds(1))
            machine.note("after")
            gate.open()
            #expect(try await machine.notes() == ["before in idle", "one timeout in idle", "after in idle"])
        }
    }

    @Test(
        "no bound of the mailbox refuses or displaces a timeout",
        arguments: [MailboxPolicy.Overflow.reject, .dropOldest])
    func bounded(overflow: MailboxPolicy.Overflow) async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin(
                options: StartOptions(mailbox: .bounded(2, whenFull: overflow)))
            let gate = Gate()
            machine.go(.keep(.timeout(.one, .seconds(1)), .timeout(.two, .seconds(3))))
            machine.tell { _, _ in
                gate.pass()
                return .keep
            }
            await gate.arrived()
            await test.advance(by: .seconds(1))
            for number in 1...4 { machine.note("\(number)") }
            await test.advance(by: .seconds(2))
            gate.open()
            await test.settle()
            let kept = overflow == .reject ? ["1 in idle", "2 in idle"] : ["3 in idle", "4 in idle"]
            #expect(try await machine.notes() == ["one timeout in idle"] + kept + ["two timeout in idle"])
        }
    }

    @Test("timeouts end with their machine")
    func endWithMachine() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin()
            machine.go(.keep(.timeout(.one, .seconds(1)), .stateTimeout(.seconds(2)), .eventTimeout(.seconds(3))))
            // A command of sys would wait behind no message.
            await test.timersArmed(3)
            machine.pid.kill()
            _ = try? await machine.pid.waitForExit()
            await test.advance(by: .seconds(5))
        }
    }

    @Test("a timeout can be postponed and inserted as any event")
    func postponed() async throws {
        try await withRuntime { test in
            let machine = try await ScriptedMachine.begin { script in
                script.timeout = { what, state in what == "one" && state == .idle ? .postpone : .keep }
            }
            machine.go(.keep(.timeout(.one, .seconds(1)), .insert(.stateTimeout)))
            _ = try await machine.notes()
            await test.advance(by: .seconds(1))
            machine.go(.next(.busy))
            #expect(
                try await machine.notes() == ["state timeout in idle", "one timeout in idle", "one timeout in busy"])
        }
    }

    @Test("hibernates when nothing waits, and a stale timer does not keep it awake (R9)", .tags(.parity))
    func hibernate() async throws {
        try await withRuntime { test in
            let naps = Record(Int.self)
            let machine = try await ScriptedMachine.begin { $0.hibernate = { naps.add(1) } }
            machine.go(.keep(.hibernate, .insert(.cast(.note("inserted")))))
            _ = try await machine.notes()
            #expect(naps.count == 0)
            machine.go(.keep(.hibernate))
            await eventually { naps.count == 1 }
            await eventually { machine.pid.status.map { "\($0.activity)" } == "hibernating" }
            #expect(try await machine.notes() == ["inserted in idle"])
            await test.settle()
            #expect(naps.count == 1)
        }
    }
}
