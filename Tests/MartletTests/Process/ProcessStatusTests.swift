// SPDX-License-Identifier: Apache-2.0
// What can be seen of a process from outside.

import Testing

@testable import Martlet

@Suite("ProcessStatus")
struct ProcessStatusTests {
    /// What a process does, in words.
    private func doing(_ pid: Pid) -> String {
        guard case .running(let message, _)? = pid.status?.activity else { return "nothing" }
        return message
    }

    @Test("a server that waits says so, with its type, name and label")
    func waiting() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin(name: "status.waiting", options: StartOptions(label: "north"))
            await test.settle()
            let status = try #require(desk.pid.status)
            #expect(status.pid == desk.pid)
            #expect(status.type == "Scripted<MartletTests.Pooled>")
            #expect(status.name == "status.waiting")
            #expect(status.label == "north")
            guard case .waiting = status.activity else { return #expect(Bool(false), "\(status.activity)") }
            #expect(status.mailboxCount == 0)
            #expect(status.mailboxAge == nil)
            #expect(status.links.isEmpty && status.monitoredBy.isEmpty && status.ancestors.isEmpty)
            try await desk.stop()
            #expect(desk.pid.status == nil)
        }
    }

    @Test(
        "a handler that runs shows the type of its message",
        arguments: ["call", "cast", "message", "continue", "terminate", "init"])
    func running(what: String) async throws {
        try await withRuntime { test in
            let gate = Gate()
            let desk = Task(executorPreference: test.runtime.executor) {
                try await Desk.begin { script in
                    if what == "init" { script.begin = { _ in gate.pass() } }
                    script.info = { _, _ in
                        gate.pass()
                        return .wait
                    }
                    script.proceed = { _ in
                        gate.pass()
                        return .wait
                    }
                    if what == "terminate" { script.terminate = { _, _ in gate.pass() } }
                }
            }
            let expected: String
            switch what {
            case "call":
                let desk = try await desk.value
                Task(executorPreference: test.runtime.executor) {
                    try await desk.ask { _, from in
                        gate.pass()
                        return from.reply(1)
                    }
                }
                expected = "Scripted<MartletTests.Pooled>.Call"
            case "cast":
                try await desk.value.tell { _ in
                    gate.pass()
                    return .wait
                }
                expected = "Scripted<MartletTests.Pooled>.Cast"
            case "message":
                try await desk.value.process.send(1)
                expected = "Int"
            case "continue":
                try await desk.value.tell { _ in .continue }
                expected = what
            case "terminate":
                try await desk.value.tell { _ in .stop(.normal) }
                expected = what
            default: expected = what
            }
            await gate.arrived()
            let pid = try #require(test.runtime.processes().first)
            #expect(doing(pid) == expected)
            gate.open()
            let server = try await desk.value
            await test.settle()
            #expect(doing(server.pid) == "nothing")
        }
    }

    @Test("a running handler shows since when, also where another thread has taken over its worker")
    func since() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let desk = try await Desk.begin()
            await test.advance(by: .seconds(1))
            await desk.hold(at: gate)
            await test.advance(by: .seconds(5))
            guard case .running(_, let duration)? = desk.pid.status?.activity else { return #expect(Bool(false)) }
            #expect(duration == .seconds(5))
            gate.open()
            await test.settle()
        }
    }

    @Test("a call in place shows as running, on its caller's thread")
    func inPlace() async throws {
        try await withRuntime { test in
            let desk = try await InPlaceDesk.begin()
            await test.settle()
            let seen = Record()
            let pid = desk.pid
            _ = try await desk.ask { [doing] _, from in
                seen.add(doing(pid))
                return from.reply(1)
            }
            #expect(seen.all == ["Scripted<MartletTests.InPlace>.Call"])
            #expect(pid.status?.handled == 1)
        }
    }

    @Test("messages handled are counted, one process at a time")
    func handled() async throws {
        try await withRuntime { test in
            let (desk, other) = (try await Desk.begin(), try await Desk.begin())
            for number in 0..<300 { desk.cast(.note(number)) }
            _ = try await desk.call { .seen($0) }
            await test.settle()
            #expect(desk.pid.status?.handled == 301)
            #expect(other.pid.status?.handled == 0)
            #expect(test.runtime.top(1, by: .handled).map(\.pid) == [desk.pid])
        }
    }

    @Test("a bounded mailbox shows its exact length")
    func boundedLength() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let desk = try await Desk.begin(
                options: StartOptions(mailbox: .bounded(10, whenFull: .reject)))
            await desk.hold(at: gate)
            for number in 0..<7 { desk.cast(.note(number)) }
            #expect(desk.pid.status?.mailboxCount == 7)
            gate.open()
            await test.settle()
            #expect(desk.pid.status?.mailboxCount == 0)
        }
    }

    @Test("an unbounded mailbox shows how long it is at least, and how long its oldest message waits")
    func unboundedLength() async throws {
        try await withRuntime(configure: { $0.runBudget = 16 }) { test in
            let (first, second) = (Gate(), Gate())
            let desk = try await Desk.begin()
            for gate in [first, second] {
                desk.tell { _ in
                    gate.pass()
                    return .wait
                }
                for number in 0..<500 { desk.cast(.note(number)) }
            }
            await first.arrived()
            first.open()
            await second.arrived()
            let status = try #require(desk.pid.status)
            #expect((400...520).contains(status.mailboxCount), "\(status.mailboxCount)")
            #expect(status.memory >= 500 * 64)
            #expect(test.runtime.top(1, by: .mailbox).map(\.pid) == [desk.pid])
            await test.advance(by: .seconds(10))
            let age = try #require(desk.pid.status?.mailboxAge)
            #expect((.milliseconds(9_980) ... .milliseconds(10_020)).contains(age), "\(age)")
            second.open()
            await test.settle()
            let drained = try #require(desk.pid.status)
            #expect(drained.mailboxCount == 0)
            #expect(drained.mailboxAge == nil)
        }
    }

    @Test("ancestors are the chain of who started whom, nearest first")
    func ancestors() async throws {
        try await withRuntime { test in
            let (parent, chain) = (try await Desk.begin(), Record(Pid.self))
            _ = try await parent.ask { _, from in
                let child = try Desk.start(Desk.Script())
                chain.add(child.pid)
                _ = try child.askBlocking { _, from in
                    chain.add(try Desk.start(Desk.Script()).pid)
                    return from.reply(1)
                }
                return from.reply(1)
            }
            let (child, grandchild) = (chain.all[0], chain.all[1])
            #expect(grandchild.status?.ancestors == [child, parent.pid])
            #expect(child.status?.ancestors == [parent.pid])
            child.kill()
            _ = try await child.waitForExit()
            #expect(grandchild.status?.ancestors == [child])
        }
    }

    @Test("who waits in a call shows whom it calls, and the wait graph has the edge")
    func calling() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let (caller, target) = (try await Desk.begin(), try await Desk.begin())
            caller.tell { _ in
                _ = try target.askBlocking { _, from in
                    gate.pass()
                    return from.reply(1)
                }
                return .wait
            }
            await gate.arrived()
            guard case .calling(let callee)? = caller.pid.status?.activity else {
                return #expect(Bool(false), "\(String(describing: caller.pid.status?.activity))")
            }
            #expect(callee == target.pid)
            #expect(doing(target.pid) == "Scripted<MartletTests.Pooled>.Call")
            #expect(test.runtime.waitGraph().map { [$0.caller, $0.target] } == [[caller.pid, target.pid]])
            gate.open()
            await test.settle()
            #expect(test.runtime.waitGraph().isEmpty)
        }
    }

    @Test("links and monitors show at both ends, and go with them")
    func ties() async throws {
        try await withRuntime { _ in
            let (desk, linked, watched) = (try await Desk.begin(), try await Desk.begin(), try await Desk.begin())
            _ = try await desk.ask { _, from in
                linked.pid.link()
                _ = watched.pid.monitor()
                return from.reply(1)
            }
            #expect(desk.pid.status?.links == [linked.pid])
            #expect(linked.pid.status?.links == [desk.pid])
            #expect(watched.pid.status?.monitoredBy == [desk.pid])
            #expect(desk.pid.status?.monitoredBy == [])
            try await desk.stop()
            // Its ties hear of the end last.
            await eventually { linked.pid.status?.links == [] && watched.pid.status?.monitoredBy == [] }
        }
    }

    @Test("top orders by each ranking and shows no more than asked for")
    func top() async throws {
        try await withRuntime { test in
            let desks = [try await Desk.begin(), try await Desk.begin(), try await Desk.begin()]
            for (index, desk) in desks.enumerated() {
                for _ in 0...index { _ = try await desk.ask { _, from in from.reply(1) } }
            }
            await test.settle()
            #expect(test.runtime.top(2, by: .handled).map(\.pid) == [desks[2].pid, desks[1].pid])
            #expect(test.runtime.top(0, by: .memory).isEmpty)
            #expect(Set(test.runtime.top(9, by: .memory).map(\.pid)) == Set(desks.map(\.pid)))
            #expect(Set(test.runtime.processes()) == Set(desks.map(\.pid)))
        }
    }
}
