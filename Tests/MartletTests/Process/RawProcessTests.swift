// SPDX-License-Identifier: Apache-2.0
// Raw processes: the manual loops of the guide, written with receive.

import Testing

@testable import Martlet

@Suite("Raw process", .timeLimit(.minutes(5)))
struct RawProcessTests {
    /// What the manual counter of the guide understands.
    enum Request: Sendable {
        case increment(Int)
        case get(ProcessRef<Int>)
        case stop
    }

    static func counter() -> ProcessRef<Request> {
        spawn { (mailbox: inout Mailbox<Request>) in
            var count = 0
            while true {
                switch try await mailbox.receive() {
                case .increment(let n): count += n
                case .get(let sender): sender.send(count)
                case .stop: return
                }
            }
        }
    }

    @Test("a manual loop counts, answers and ends normally (S1, S4)", .tags(.parity))
    func manualCounter() async throws {
        try await withRuntime { test in
            let counter = Self.counter()
            for n in 1...100 { counter.send(.increment(n)) }
            let sum = try await withProcess(receiving: Int.self) { mailbox in
                counter.send(.get(mailbox.ref))
                return try await mailbox.receive()
            }
            #expect(sum == 5_050)
            async let reason = counter.pid.waitForExit()
            counter.send(.stop)
            let text = "\(try await reason)"
            #expect(text == "normal" || text == "no process")
            #expect(counter.send(.stop) == .noProcess)
        }
    }

    @Test("messages of one sender are received in order (R5)", .tags(.parity))
    func order() async throws {
        try await withRuntime { test in
            let record = Record(Int.self)
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                for _ in 0..<10_000 { record.add(try await mailbox.receive()) }
            }
            for number in 0..<10_000 { process.send(number) }
            await eventually { record.count == 10_000 }
            #expect(record.all == Array(0..<10_000))
        }
    }

    @Test(
        "receive(timeout:) returns nil after the time, never early, and the message if it comes before (S1)",
        .tags(.parity))
    func timeout() async throws {
        try await withRuntime { test in
            let record = Record()
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                record.add("\(try await mailbox.receive(timeout: .zero) ?? -1)")
                record.add("\(try await mailbox.receive(timeout: .seconds(-1)) ?? -1)")
                record.add("\(try await mailbox.receive(timeout: .seconds(10)) ?? -1)")
                record.add("\(try await mailbox.receive(timeout: .seconds(10)) ?? -1)")
            }
            await test.timersArmed(1)
            await test.settle()
            #expect(record.all == ["-1", "-1"])
            await test.advance(by: .nanoseconds(9_999_999_999))
            #expect(record.count == 2)
            await test.advance(by: .milliseconds(2))
            await eventually { record.count == 3 }
            process.send(7)
            await eventually { record.count == 4 }
            #expect(record.all == ["-1", "-1", "-1", "7"])
        }
    }

    @Test("a selective receive leaves the others in order, also for later receives")
    func selective() async throws {
        try await withRuntime { test in
            let record = Record(Int.self)
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                if let even = try await mailbox.receive(where: { $0 == 100 ? $0 : nil }) { record.add(even) }
                if let odd = try await mailbox.receive(where: { $0 % 2 == 1 ? $0 : nil }) { record.add(odd) }
                for _ in 0..<4 { record.add(try await mailbox.receive()) }
                let none = try await mailbox.receive(timeout: .zero, where: { $0 })
                record.add(none ?? -1)
            }
            for number in [2, 4, 3, 6, 5, 100] { process.send(number) }
            await eventually { record.count == 7 }
            #expect(record.all == [100, 3, 2, 4, 6, 5, -1])
        }
    }

    @Test(
        "a message to an alias vanishes once it is turned off: a late reply is not taken for another (R4, S1)",
        .tags(.parity))
    func alias() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let first = mailbox.alias()
                first.send(1)
                let message1 = try await mailbox.receive()
                #expect(message1 == 1)
                let turnedOff = [mailbox.unalias(first), mailbox.unalias(first), mailbox.unalias(mailbox.ref)]
                #expect(turnedOff == [true, false, false])
                first.send(2)
                let second = mailbox.alias()
                second.send(3)
                let message3 = try await mailbox.receive()
                #expect(message3 == 3)
            }
        }
    }

    @Test("withProcess makes the task a process for its scope, which ends with it")
    func scope() async throws {
        try await withRuntime { test in
            let pid = try await withProcess(receiving: Never.self) { mailbox in
                #expect(Pid.current == mailbox.ref.pid)
                #expect(mailbox.ref.pid.isAlive)
                return mailbox.ref.pid
            }
            #expect(Pid.current == nil)
            _ = try await pid.waitForExit()
            #expect(!pid.isAlive)
            await #expect(throws: Failure.self) {
                try await withProcess(receiving: Int.self) { _ in throw Failure() }
            }
        }
    }

    @Test("a body that throws ends with its error, or with the reason of its ExitSignal", arguments: [false, true])
    func throwing(signal: Bool) async throws {
        try await withRuntime { test in
            let gate = spawn { (mailbox: inout Mailbox<Int>) in
                _ = try await mailbox.receive()
                if signal { throw ExitSignal(.shutdown) }
                throw Failure()
            }
            let watcher = Task { "\(try await gate.pid.waitForExit())" }
            await test.settle()
            gate.send(1)
            let text = try await watcher.value
            let expected = signal ? "shutdown" : "error (Failure)"
            // The watch may come after the end.
            #expect(text == expected || text == "no process")
        }
    }

    /// What tells a raw process to end.
    enum End: CaseIterable, Sendable {
        case kill, exitSignal
    }

    @Test(
        "a kill or an exit signal makes a waiting receive throw its reason (R13)", .tags(.parity),
        arguments: End.allCases)
    func ended(_ end: End) async throws {
        try await withRuntime { test in
            let record = Record()
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                do throws(ExitSignal) { _ = try await mailbox.receive() } catch {
                    record.add("\(error.reason)")
                    throw error
                }
            }
            await test.settle()
            switch end {
            case .kill: process.pid.kill()
            case .exitSignal: process.pid.exit(.shutdown)
            }
            _ = try await process.pid.waitForExit()
            #expect(!process.pid.isAlive)
            await eventually { record.count == 1 }
            #expect(record.all == [end == .kill ? "killed" : "shutdown"])
        }
    }

    @Test("what a body still sends when its receive has thrown arrives: raw processes are not fenced (R13)")
    func notFenced() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let sink = mailbox.ref
                let process = spawn { (mailbox: inout Mailbox<Int>) in
                    do throws(ExitSignal) { _ = try await mailbox.receive() } catch {
                        sink.send(1)
                        throw error
                    }
                }
                await test.settle()
                process.pid.kill()
                let last = try await mailbox.receive(timeout: .seconds(20))
                #expect(last == 1)
            }
        }
    }

    @Test("an untyped value is left for receiveInfo (S31)")
    func unexpected() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                mailbox.ref.pid.send(any: "stranger")
                mailbox.ref.send(1)
                let message1 = try await mailbox.receive()
                #expect(message1 == 1)
                guard case .unexpected(let value) = try await mailbox.receiveInfo() else {
                    Issue.record("expected the untyped value")
                    return
                }
                #expect(value as? String == "stranger")
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("expected a timeout")
                    return
                }
            }
        }
    }

    @Test("a raw process can call servers, and a server can send to it")
    func withServers() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            try await withProcess(receiving: Int.self) { mailbox in
                let me = mailbox.ref
                _ = try await desk.ask { _, from in
                    me.send(5)
                    return from.reply(0)
                }
                let message5 = try await mailbox.receive()
                #expect(message5 == 5)
                desk.tell { _ in
                    me.sendAfter(.seconds(1), 6)
                    return .wait
                }
                await test.timersArmed(1)
                await test.advance(by: .seconds(2))
                let message6 = try await mailbox.receive()
                #expect(message6 == 6)
            }
        }
    }

    @Test("a process whose mailbox never empties lets others run, on one worker too")
    func fairness() async throws {
        try await withRuntime(workers: 1) { test in
            let greedy = spawn { (mailbox: inout Mailbox<Bool>) in
                while try await mailbox.receive() { mailbox.ref.send(true) }
            }
            greedy.send(true)
            let counter = Self.counter()
            counter.send(.increment(1))
            let sum = try await withProcess(receiving: Int.self) { mailbox in
                counter.send(.get(mailbox.ref))
                return try await mailbox.receive()
            }
            #expect(sum == 1)
            greedy.send(false)
            await eventually { !greedy.pid.isAlive }
        }
    }

    @Test("an unbounded mailbox of a raw process is reported when it reaches its high-water mark")
    func highWater() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let process = spawn(mailbox: .unbounded(highWater: 1_000)) { (mailbox: inout Mailbox<Int>) in
                while true { if try await mailbox.receive() == 0 { gate.pass() } }
            }
            process.send(0)
            await gate.arrived()
            for number in 1...5_000 { process.send(number) }
            gate.open()
            await test.settle()
            #expect(test.runtime.context.highWaterReports.load(ordering: .relaxed) == 1)
        }
    }

    @Test("dropOldest: a full raw process keeps the newest, whatever their size (S9)", .tags(.leak))
    func dropOldest() async throws {
        typealias Large = (Tracked, (Int, Int, Int, Int, Int, Int), Int)
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let record = Record(Int.self)
            struct Message: Sendable { let value: Large }
            let process = spawn(mailbox: .bounded(4, whenFull: .dropOldest)) { (mailbox: inout Mailbox<Message>) in
                gate.pass()
                while true { record.add(try await mailbox.receive().value.2) }
            }
            await gate.arrived()
            for number in 1...100 { process.send(Message(value: (Tracked(census), (1, 2, 3, 4, 5, 6), number))) }
            gate.open()
            await test.settle()
            #expect(record.all == [97, 98, 99, 100])
            process.pid.kill()
        }
        await eventually { census.alive == 0 }
        #expect(census.total == 100)
    }

    @Test("10,000 raw processes start, answer and end; nothing is left", .tags(.stress, .leak))
    func many() async throws {
        let census = Census()
        try await withRuntime { test in
            let sum = try await withProcess(receiving: Int.self) { mailbox in
                let me = mailbox.ref
                for index in 0..<10_000 {
                    let tracked = Tracked(census)
                    let process = spawn { (mailbox: inout Mailbox<Int>) in
                        _ = tracked
                        me.send(try await mailbox.receive())
                    }
                    process.send(index)
                }
                var sum = 0
                for _ in 0..<10_000 { sum += try await mailbox.receive() }
                return sum
            }
            #expect(sum == 10_000 * 9_999 / 2)
            await eventually { test.runtime.statistics.processes == 0 }
            await eventually { census.alive == 0 }
        }
    }

    @Test("shutdown ends raw processes that wait, and destroys their bodies and mailboxes", .tags(.leak))
    func shutdown() async throws {
        let census = Census()
        try await withRuntime { test in
            for _ in 0..<100 {
                let tracked = Tracked(census)
                let process = spawn { (mailbox: inout Mailbox<Tracked>) in
                    _ = tracked
                    _ = try await mailbox.receive(where: { _ in Int?.none })
                }
                for _ in 0..<3 { process.send(Tracked(census)) }
            }
        }
        await eventually { census.alive == 0 }
        #expect(census.total == 400)
    }
}
