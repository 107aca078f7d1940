// SPDX-License-Identifier: Apache-2.0
// The corners of sys (R21): suspended servers and ends, commands that came too late, what looking costs afterwards.

import Glibc
import Testing

@testable import Martlet

@Suite("Sys, corners", .timeLimit(.minutes(5)))
struct SysEdgeTests {
    enum Trapping: Declarations {
        static var trapsExits: Bool { true }
    }

    @Test("a suspended server that traps hears exit signals when it is resumed, in order with messages (R12, R21)")
    func trappedSignal() async throws {
        try await withRuntime { test in
            let desk = try await Scripted<Trapping>.begin {
                $0.info = { state, info in
                    if case .message(let number) = info { state.seen.append(number) }
                    if case .exit = info { state.seen.append(-1) }
                    return .wait
                }
            }
            try await desk.sys.suspend()
            desk.process.send(1)
            desk.pid.exit(.shutdown)
            desk.process.send(2)
            await test.settle()
            #expect(try await desk.sys.withState { $0.seen } == [])
            try await desk.sys.resume()
            #expect(try await desk.call { .seen($0) } == [1, -1, 2])
        }
    }

    @Test("the parent's exit signal and a stop end a server that was suspended again while it caught up (R11, R15)")
    func endsWhileCatchingUp() async throws {
        for isStopped in [false, true] {
            try await withRuntime { test in
                try await withProcess(receiving: Never.self) { mailbox in
                    let (gate, record) = (Gate(), Record())
                    let desk = try await Scripted<Trapping>.begin {
                        $0.terminate = { _, reason in record.add("\(reason)") }
                    }
                    try await desk.sys.suspend()
                    desk.tell { _ in
                        gate.pass()
                        return .wait
                    }
                    for number in 0..<10 { desk.cast(.note(number)) }
                    try await desk.sys.resume()
                    await gate.arrived()
                    let suspending = Task { await reason { try await desk.sys.suspend() } }
                    await test.timersArmed(1)
                    if isStopped { desk.stopping(.shutdown) } else { desk.pid.exit(.shutdown) }
                    gate.open()
                    _ = await suspending.value
                    await test.settle()
                    #expect(!desk.pid.isAlive)
                    #expect(record.all == ["shutdown"])
                }
            }
        }
    }

    @Test("a command whose caller gave up is not performed: a suspend that timed out suspends nobody (R3, R21)")
    func givenUp() async throws {
        try await withRuntime { test in
            let (desk, gate) = (try await Desk.begin(), Gate())
            await desk.hold(at: gate)
            let timedOut = Task { await reason { try await desk.sys.suspend() } }
            let cancelled = Task { await reason { try await desk.sys.suspend() } }
            await test.timersArmed(2)
            cancelled.cancel()
            #expect(await cancelled.value == "cancelled")
            await test.advance(by: .seconds(6))
            #expect(await timedOut.value == "timeout")
            gate.open()
            #expect(try await !desk.sys.status().isSuspended)
        }
    }

    @Test("having been looked at costs nothing: a server that serves in place does so again")
    func inPlaceAgain() async throws {
        try await withRuntime { test in
            let desk = try await InPlaceDesk.begin()
            func isUntouched() async throws -> Bool {
                await test.settle()
                let isInPlace = await onThread {
                    let here = UInt(pthread_self())
                    return try? desk.askBlocking { $1.reply(UInt(pthread_self()) == here ? 1 : 0) } == 1
                }
                return try await desk.sys.hasNoExtras() && isInPlace == true
            }
            _ = try await (desk.sys.log(), desk.sys.statistics(), desk.sys.remove("none"))
            #expect(try await isUntouched())
            try await desk.sys.install("fails") { _ in throw Failure() }
            _ = try await desk.ask { $1.reply(1) }
            #expect(try await isUntouched())
            try await desk.sys.keepLog(3)
            try await desk.sys.collectStatistics(true)
            try await desk.sys.keepLog(0)
            try await desk.sys.collectStatistics(false)
            #expect(try await isUntouched())
        }
    }

    @Test("an idle timeout is an event; the time it waited for is not spent in callbacks (R7, R21)")
    func idleEvent() async throws {
        try await withRuntime { test in
            let (plain, suspending) = (try await Desk.begin(), try await AsyncDesk.begin())
            for pid in [plain.pid, suspending.pid] {
                try await pid.sys.collectStatistics(true)
                try await pid.sys.keepLog(10)
            }
            plain.tell { _ in .wait(idle: .seconds(60)) }
            suspending.tell { _ in .wait(idle: .seconds(60)) }
            await test.settle()
            await test.advance(by: .seconds(61))
            await test.settle()
            for pid in [plain.pid, suspending.pid] {
                let statistics = try #require(try await pid.sys.statistics())
                #expect(statistics.messagesIn == 2)
                #expect(statistics.busy == .zero)
                let kinds = try await pid.sys.log().map { "\($0.kind)" }
                #expect(kinds.suffix(2) == [#"info("timeout")"#, "next"])
            }
        }
    }

    @Test("the log is a ring: the last events, oldest first, also when it shrinks and grows")
    func ring() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            try await desk.sys.keepLog(4)
            func kinds() async throws -> [Substring] {
                try await desk.sys.log().map { "\($0.kind)".prefix { $0 != "(" } }
            }
            for _ in 0..<5 { desk.cast(.note(1)) }
            desk.process.send(1)
            await test.settle()
            #expect(try await kinds() == ["cast", "next", "info", "next"])
            try await desk.sys.keepLog(3)
            #expect(try await kinds() == ["next", "info", "next"])
            try await desk.sys.keepLog(5)
            desk.cast(.note(1))
            await test.settle()
            #expect(try await kinds() == ["next", "info", "next", "cast", "next"])
        }
    }

    @Test("what waits aside shows in the status: how many, and since when")
    func countsAside() async throws {
        try await withRuntime { test in
            let desk = try await Desk.begin()
            try await desk.sys.suspend()
            for number in 0..<100 { desk.cast(.note(number)) }
            await test.settle()
            await test.advance(by: .seconds(3))
            let status = try #require(desk.pid.status)
            #expect(status.mailboxCount == 100)
            #expect(status.mailboxAge ?? .zero >= .seconds(2))
            try await desk.sys.resume()
            _ = try await desk.call { .seen($0) }
            await test.settle()
            #expect(desk.pid.status?.mailboxCount == 0)
        }
    }

    @Test("waiting for sys counts as waiting: who would wait for itself is told so")
    func cycle() async throws {
        try await withRuntime { test in
            let (first, second) = (try await AsyncDesk.begin(), try await AsyncDesk.begin())
            let gate = AsyncGate()
            let asking = Task {
                try await first.ask(timeout: nil) { _, from in
                    try await gate.pass()
                    let word = await reason { try await second.ask(timeout: nil) { $1.reply(1) } }
                    return from.reply(word.hasPrefix("cycle") ? 1 : 0)
                }
            }
            await gate.arrived()
            let looking = Task {
                try await second.ask(timeout: nil) { _, from in
                    _ = try await first.sys.status()
                    return from.reply(2)
                }
            }
            await eventually { test.runtime.waitGraph().contains { $0 == (second.pid, first.pid) } }
            gate.open()
            #expect(try await asking.value == 1)
            #expect(try await looking.value == 2)
        }
    }

    @Test("a suspended raw process stays in its receive, whatever its timeout (S3)")
    func suspendedRaw() async throws {
        try await withRuntime { test in
            let seen = Record(Int.self)
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                mailbox.answersSystemMessages = true
                while true { seen.add(try await mailbox.receive(timeout: .seconds(1)) ?? -1) }
            }
            await test.settle()
            try await process.pid.sys.suspend()
            process.send(7)
            await test.advance(by: .seconds(10))
            #expect(try await process.pid.sys.status().isSuspended)
            await test.settle()
            #expect(seen.count == 0)
            try await process.pid.sys.resume()
            await eventually { seen.count > 0 }
            #expect(seen.all == [7])
            process.pid.kill()
        }
    }

    @Test("a raw process shows of its state what it wants to, and can be killed meanwhile (S3)")
    func rawState() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let process = spawn { (mailbox: inout Mailbox<Int>) in
                var sum = 0
                mailbox.answersSystemMessages = true
                mailbox.formatStatus = {
                    if sum < 0 { gate.passHoldingWorker() }
                    return "sum \(sum)"
                }
                while true { sum += try await mailbox.receive() }
            }
            let first = try await process.pid.sys.status()
            #expect(first.state == "sum 0")
            for number in 1...4 { process.send(number) }
            await test.settle()
            let second = try await process.pid.sys.status()
            #expect(second.state == "sum 10")
            process.send(-11)
            await test.settle()
            let looking = Task { await reason { try await process.pid.sys.status() } }
            await gate.arrived()
            process.pid.kill()
            #expect(await looking.value == "exited: killed")
            gate.open()
        }
    }

    @Test("a runtime with suspended servers of every kind shuts down in order")
    func shutdown() async throws {
        try await withRuntime { test in
            let record = Record()
            let pooled = try await Desk.begin { $0.terminate = { _, _ in record.add("pooled") } }
            let inPlace = try await InPlaceDesk.begin { $0.terminate = { _, _ in record.add("in place") } }
            let trapping = try await Scripted<Trapping>.begin { $0.terminate = { _, _ in record.add("trapping") } }
            let bounded = try await Desk.begin(
                options: StartOptions(mailbox: .bounded(2, whenFull: .dropOldest))
            ) { $0.terminate = { _, _ in record.add("bounded") } }
            let drowsy = try await Scripted<Drowsy>.begin { $0.terminate = { _, _ in record.add("drowsy") } }
            await test.advance(by: .seconds(11))
            for desk in [pooled, bounded] {
                try await desk.sys.suspend()
                for number in 0..<5 { desk.cast(.note(number)) }
            }
            try await inPlace.sys.suspend()
            try await trapping.sys.suspend()
            try await drowsy.sys.suspend()
            #expect(try await bounded.sys.withState { $0.seen } == [])
            let report = await test.runtime.shutdown()
            #expect(report.stuck.isEmpty)
            #expect(Set(record.all) == ["pooled", "in place", "trapping", "bounded", "drowsy"])
        }
    }
}

extension Sys where S: Server {
    /// Whether the engine keeps nothing beside the state.
    fileprivate nonisolated(nonsending) func hasNoExtras() async throws -> Bool {
        let answer: (any Error)? = try await ask { _ in
            _SystemCommand(ofServer: _CodeCommand<S> { _, state in .kept(Failure(state.value.extras == nil ? 1 : 0)) })
        }
        return answer as? Failure == Failure(1)
    }
}

extension ServerAddress {
    /// Asks it to stop and waits for nothing.
    fileprivate func stopping(_ reason: ExitReason) { _ = _Post.stop(_pid, reason: reason.boxed, reply: 0) }
}
