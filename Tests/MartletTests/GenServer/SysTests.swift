// SPDX-License-Identifier: Apache-2.0
// Looking into servers and holding them (R21).

import Testing

@testable import Martlet

@Suite("Sys", .timeLimit(.minutes(5)))
struct SysTests {
    @Test("a suspended server handles nothing until it is resumed, then all of it in order (R21)", .tags(.parity))
    func suspend() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            try await desk.sys.suspend()
            try await desk.sys.suspend()
            for number in 0..<100 { desk.cast(.note(number)) }
            desk.process.send(100)
            await test.settle()
            #expect(try await desk.sys.withState { $0.seen } == [])
            #expect(try await desk.sys.status().isSuspended)
            // It has answered, and is on its way to sleep.
            await eventually { desk.pid.status.map { "\($0.activity)" } == "suspended" }
            let asking = Task { try await desk.call { .seen($0) } }
            try await desk.sys.resume()
            try await desk.sys.resume()
            #expect(try await asking.value.starts(with: 0..<100))
            #expect(try await desk.call { .seen($0) } == Array(0...100))
            #expect(try await !desk.sys.status().isSuspended)
        }
    }

    @Test("a call to a suspended server times out, and is skipped when it is resumed (R3)", .tags(.parity))
    func suspendedCall() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            try await desk.sys.suspend()
            let asking = Task { await reason { try await desk.ask { $1.reply(1) } } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(6))
            #expect(await asking.value == "timeout")
            try await desk.sys.resume()
            await test.settle()
            #expect(test.runtime.deadLetterCounts[.expired] == 1)
        }
    }

    @Test("requests wait behind no message: 10,000 are queued, one at most is handled before (R21)", .tags(.parity))
    func passesTheQueue() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            let gate = Gate()
            await desk.hold(at: gate)
            for number in 0..<10_000 { desk.cast(.note(number)) }
            async let count = desk.sys.withState { $0.seen.count }
            async let status = desk.sys.status()
            await Task.yield()
            gate.open()
            #expect(try await count <= 10_000)
            #expect(try await status.state == "Scripted<MartletTests.Pooled>")
        }
    }

    @Test("a suspended server can be stopped, killed, and ended by an exit signal (R15, R21)", .tags(.parity))
    func endsSuspended() async throws {
        try await withRuntime { test in
            for how in 0..<3 {
                let record = Record()
                let desk = try await Desk.begin { $0.terminate = { _, reason in record.add("\(reason)") } }
                try await desk.sys.suspend()
                desk.cast(.note(1))
                async let end = desk.pid.waitForExit()
                switch how {
                case 0: try await desk.stop(.shutdown)
                case 1: desk.pid.kill()
                default: desk.pid.exit(.shutdown)
                }
                let text = "\(try await end)"
                #expect(["shutdown", "killed", "no process"].contains(text))
                #expect(record.all == (how == 0 ? ["shutdown"] : []))
            }
        }
    }

    @Test("replaceState: a throw leaves the state as it was, and is thrown here (R21)", .tags(.parity))
    func replaceState() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(3)
            await #expect(throws: Failure(5)) { try await counter.sys.replaceState { _ in throw Failure(5) } }
            #expect(try await counter.get() == 3)
            try await counter.sys.replaceState { _ in Counter(9) }
            #expect(try await counter.get() == 9)
            try await counter.sys.updateState { $0 = Counter(1) }
            let copy = try await counter.sys.state()
            let again = try await Counter.start(0)
            try await again.sys.replaceState { _ in copy }
            #expect(try await again.get() == 1)
        }
    }

    @Test("statistics count messages, replies and sends while they are on (R21)", .tags(.parity))
    func statistics() async throws {
        try await withRuntime { test in
            let (desk, other) = (try await Desk.begin(), try await Desk.begin())
            #expect(try await desk.sys.statistics() == nil)
            try await desk.sys.collectStatistics(true)
            for number in 0..<10 { desk.cast(.note(number)) }
            desk.tell { _ in
                for number in 0..<5 { other.cast(.note(number)) }
                return .wait
            }
            _ = try await desk.ask { $1.reply(1) }
            let statistics = try #require(try await desk.sys.statistics())
            #expect(statistics.messagesIn == 12)
            #expect(statistics.messagesOut == 6)
            try await desk.sys.collectStatistics(false)
            #expect(try await desk.sys.statistics() == nil)
        }
    }

    @Test("the log keeps the last events, by type and case (R21)", .tags(.parity))
    func log() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(0)
            #expect(try await counter.sys.log().isEmpty)
            try await counter.sys.keepLog(5)
            counter.cast(.reset)
            counter.cast(.add(2))
            _ = try await counter.get()
            let kinds = try await counter.sys.log().map { "\($0.kind)" }
            #expect(
                kinds == [
                    #"cast("Counter.Cast.add")"#, "next", #"call("Counter.Call.get", from: nil)"#, "reply(to: nil)",
                    "next",
                ])
            try await counter.sys.keepLog(0)
            #expect(try await counter.sys.log().isEmpty)
        }
    }

    @Test("sinks hear of each message, also where it would be handled in place; one that throws is removed (R21)")
    func sinks() async throws {
        try await withRuntime { test in
            let desk = try await InPlaceDesk.begin()
            let (first, second) = (Record(), Record())
            try await desk.sys.install("first") { first.add("\($0.kind)") }
            try await desk.sys.install("second") {
                second.add("\($0.kind)")
                throw Failure()
            }
            for _ in 0..<2 { _ = try await desk.ask { $1.reply(1) } }
            await test.settle()
            let call = #"call("Scripted<MartletTests.InPlace>.Call.ask", from: nil)"#
            #expect(first.all == [call, "reply(to: nil)", "next", call, "reply(to: nil)", "next"])
            #expect(second.all == [call])
            #expect(try await desk.sys.remove("first"))
            #expect(try await !desk.sys.remove("first"))
            #expect(try await !desk.sys.remove("second"))
            _ = try await desk.ask { $1.reply(1) }
            #expect(first.count == 6)
        }
    }

    @Test("requests to oneself, to nobody and past the limit fail as calls do")
    func failures() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            let gate = Gate()
            await desk.hold(at: gate)
            let asking = Task { await reason { try await desk.sys.status() } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(6))
            #expect(await asking.value == "timeout")
            gate.open()
            try await desk.stop()
            #expect(await reason { try await desk.sys.suspend() } == "no process")
            try await withProcess(receiving: Never.self) { mailbox in
                let own = mailbox.ref.pid
                #expect(await reason { try await own.sys.status() } == "calling itself")
            }
        }
    }

    @Test("a raw process answers when it asks for it (S3)", .tags(.parity))
    func raw() async throws {
        try await withRuntime { test in
            let seen = Record(Int.self)
            for answers in [false, true] {
                let process = spawn { (mailbox: inout Mailbox<Int>) in
                    mailbox.answersSystemMessages = answers
                    while true { seen.add(try await mailbox.receive()) }
                }
                await test.settle()
                guard answers else {
                    #expect(await reason { try await process.pid.sys.status() } == "timeout")
                    continue
                }
                try await process.pid.sys.suspend()
                process.send(7)
                await test.settle()
                #expect(seen.count == 0)
                #expect(try await process.pid.sys.status().isSuspended)
                try await process.pid.sys.resume()
                await eventually { seen.count == 1 }
                #expect(await reason { try await process.pid.sys.keepLog(3) } == "timeout")
            }
        }
    }

    @Test("the untyped view shows what formatStatus shows, of servers of every kind")
    func untyped() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(3)
            #expect(try await counter.pid.sys.status().state == "Counter")
            #expect(try await counter.pid.sys.status().process.pid == counter.pid)
            let desk = try await AsyncDesk.begin()
            #expect(try await desk.pid.sys.status().state.contains("Async"))
            try await desk.sys.suspend()
            desk.cast(.note(1))
            await test.settle()
            #expect(try await desk.sys.withState { $0.seen.count } == 0)
            try await desk.sys.resume()
            #expect(try await desk.call { .seen($0) } == [1])
        }
    }
}
