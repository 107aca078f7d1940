// SPDX-License-Identifier: Apache-2.0
// Agents: a value that closures read and change, in order, and what ends it.

import Testing

@testable import Martlet

@Suite("Agent", .timeLimit(.minutes(5)))
struct AgentTests {
    /// A value that may not leave its agent.
    private final class Shelf {
        var books: [String] = []
        let tracked: Tracked
        init(_ census: Census) { tracked = Tracked(census) }
    }

    @Test("update returns what its closure does, get sees it, and casts of one sender come in order (R5, S45)")
    func operations() async throws {
        try await withRuntime { _ in
            let agent = try await Agent<[Int]>.start { [1] }
            let count = try await agent.update { list in
                list.append(2)
                return list.count
            }
            #expect(count == 2)
            for number in 3..<100 { agent.castUpdate { $0.append(number) } }
            let list = try await agent.get { $0 }
            #expect(list == Array(1..<100))
            try await agent.update { $0 = [] }
            let isEmpty = try await agent.get { $0.isEmpty }
            #expect(isEmpty)
            try await agent.stop()
        }
    }

    @Test("the same from synchronous code, a handler included")
    func blocking() async throws {
        try await withRuntime { _ in
            let agent = try await Agent<Int>.start { 1 }
            let outside = await onThread { () -> [Int]? in
                guard
                    let new = try? agent.update({ (count: inout Int) -> Int in
                        count += 1
                        return count
                    }), let read = try? agent.get({ $0 })
                else { return nil }
                return [new, read]
            }
            #expect(outside == [2, 2])
            let desk = try await Desk.begin()
            let inside = try await desk.ask { _, from in
                try agent.update { $0 *= 10 }
                return from.reply(try agent.get { $0 })
            }
            #expect(inside == 20)
        }
    }

    @Test("the value need not be Sendable, is made in the agent, and ends with it", .tags(.leak))
    func notSendable() async throws {
        let census = Census()
        try await withRuntime { _ in
            let agent = try await Agent<Shelf>.start { Shelf(census) }
            try await agent.update { $0.books.append("SICP") }
            let books = try await agent.get { $0.books }
            #expect(books == ["SICP"])
            #expect(census.alive == 1)
            try await agent.stop()
            #expect(census.alive == 0)
        }
        #expect(census.total == 1)
    }

    @Test("a name serves as well as a reference, and may be taken (R1)")
    func named() async throws {
        try await withRuntime { _ in
            let name: Agent<Int>.Name = "count"
            let agent = try await Agent<Int>.start({ 1 }, name: name)
            try await name.update { $0 += 1 }
            name.castUpdate { $0 += 1 }
            let count = try await name.get { $0 }
            #expect(count == 3)
            await #expect {
                _ = try await Agent<Int>.start({ 1 }, name: name)
            } throws: { error in
                if case .alreadyStarted(agent.pid)? = error as? StartError { true } else { false }
            }
        }
    }

    // MARK: What goes wrong

    @Test("a closure that throws ends the agent with its error, and its call fails with it", arguments: 0..<3)
    func throwing(how: Int) async throws {
        try await withRuntime { _ in
            let agent = try await Agent<Int>.start { 1 }
            async let end = agent.pid.waitForExit()
            let expected = "exited: error (Failure)"
            switch how {
            case 0:
                let said = await reason { try await agent.get { _ in throw Failure() } }
                #expect(said == expected)
            case 1:
                let said = await reason {
                    try await agent.update { count in
                        count = 2
                        throw Failure()
                    }
                }
                #expect(said == expected)
            default: agent.castUpdate { _ in throw Failure() }
            }
            let ended = "\(try await end)"
            #expect(ended == "error (Failure)" || ended == "no process")
            let late = await reason { try await agent.get { $0 } }
            #expect(late == "no process")
            let outcome = agent.castUpdate { $0 += 1 }
            #expect(outcome == .noProcess)
        }
    }

    @Test("a value that cannot be made is a failed start (R2)")
    func throwingStart() async throws {
        try await withRuntime { _ in
            do throws(StartError) {
                _ = try await Agent<Int>.start { throw Failure(7) }
                Issue.record("expected a failed start")
            } catch .failed(let error as Failure) { #expect(error == Failure(7)) } catch { Issue.record("\(error)") }
        }
    }

    @Test("an exit signal out of a closure is the reason of the end")
    func exitSignal() async throws {
        try await withRuntime { _ in
            let agent = try await Agent<Int>.start { 1 }
            let said = await reason { try await agent.update { _ in throw ExitSignal(.shutdown) } }
            #expect(said == "exited: shutdown")
        }
    }

    @Test("a closure that lasts: the call times out, the closure runs to its end (R3)")
    func timeout() async throws {
        try await withRuntime { test in
            let agent = try await Agent<Int>.start { 1 }
            let gate = Gate()
            let slow = Task {
                await reason {
                    try await agent.update(timeout: .seconds(1)) { count in
                        gate.pass()
                        count = 2
                    }
                }
            }
            await gate.arrived()
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            #expect(await slow.value == "timeout")
            gate.open()
            let count = try await agent.get(timeout: nil) { $0 }
            #expect(count == 2)
        }
    }

    @Test("a closure that calls its own agent fails at once")
    func callingSelf() async throws {
        try await withRuntime { _ in
            let agent = try await Agent<Int>.start { 1 }
            let said = try await agent.get { _ in
                do throws(CallError) { return "\(try agent.get { $0 })" } catch { return "\(error.reason)" }
            }
            #expect(said == "calling itself")
        }
    }

    @Test("an agent is a server: suspended, looked at by sys, killed (R21)")
    func sys() async throws {
        try await withRuntime { test in
            let agent = try await Agent<Int>.start { 1 }
            try await agent.sys.suspend()
            agent.castUpdate { $0 += 1 }
            let reading = Task { try await agent.get { $0 } }
            #expect(try await agent.sys.status().state == "Agent<Swift.Int>")
            try await agent.sys.resume()
            #expect(try await reading.value == 2)
            agent.pid.kill()
            let said = await reason { try await agent.get { $0 } }
            #expect(said == "no process" || said == "exited: killed")
        }
    }
}
