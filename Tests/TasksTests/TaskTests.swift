// SPDX-License-Identifier: Apache-2.0
// Work in a process of its own, and who hears what of it (S45).

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Tasks")
struct TaskTests {
    @Test("a task runs in a process of its own and gives its value once")
    func value() async throws {
        try await withTestRuntime { test async throws in
            let task = Tasks.async { (Pid.current, 42) }
            let (pid, number) = try await task.value()
            #expect(pid == task.pid && number == 42)
            await test.settle()
        }
    }

    @Test("large and counted values pass whole, and end once")
    func values() async throws {
        try await withTestRuntime { test async throws in
            let lives = Lives()
            let large = Tasks.async {
                Array(repeating: Tracked(1, lives), count: 3) + (0..<20).map { Tracked($0, lives) }
            }
            #expect(try await large.value().map(\.number).reduce(0, +) == 193)
            let wide = Tasks.async { (1, 2, 3, 4, 5, 6, 7, 8, 9, 10) }
            #expect(try await wide.value().9 == 10)
            #expect(lives.alive == 0)
            await test.settle()
        }
    }

    @Test("what the work throws is the reason of its end, reported once, and what the wait throws (R16)")
    func failure() async throws {
        try await withTestRuntime { test async throws in
            let task = Tasks.async { () -> Int in throw Failure() }
            #expect(await word { try await task.value() } == "exited: error (Failure)")
            #expect(test.crashes.count == 1 && test.crashes[0].pid == task.pid)
            await test.settle()
        }
    }

    @Test("a linked task that throws ends its owner; one that traps exits hears of it by the value as well (R14)")
    func linked() async throws {
        try await withTestRuntime { test async throws in
            let owner = try await Owner.start()
            owner.cast(.tell { _ in _ = Tasks.async { throw Failure() } })
            guard case .error(is Failure) = try await owner.pid.waitForExit() else {
                Issue.record("not with the reason of the task"); return
            }
            try await withProcess(receiving: Never.self) { mailbox async throws in
                mailbox.trapsExits = true
                let task = Tasks.async { () -> Int in throw Failure() }
                #expect(await word { try await task.value() } == "exited: error (Failure)")
                guard case .exit(task.pid, .error(is Failure)) = try await mailbox.receiveInfo() else {
                    Issue.record("no exit signal"); return
                }
            }
            await test.settle()
        }
    }

    @Test("the abnormal end of its owner ends a linked task, its normal end does not (R14)")
    func ownerEnds() async throws {
        try await withTestRuntime { test async throws in
            let probe = Probe<Int>()
            for reason in [ExitReason.normal, .shutdown] {
                let owner = try await Owner.start()
                owner.cast(
                    .tell { [clock = test.clock] _ in
                        _ = Tasks.async {
                            try await clock.sleep(for: .milliseconds(5))
                            probe.ref.send(1)
                        }
                    })
                try await owner.stop(reason)
                if reason.isAbnormal { continue }
                if case .normal = reason {
                    try await probe.expect(1)
                } else {
                    try await probe.expectNone(for: .seconds(1))
                }
            }
            await test.settle()
        }
    }

    @Test("only its owner may take the value; a stranger is told so, and changes nothing")
    func stranger() async throws {
        try await withTestRuntime { test async throws in
            try await withProcess(receiving: Never.self) { _ async throws in
                let task = Tasks.async { 1 }
                let other = Tasks.async { () -> [String] in
                    task.ignore()
                    return await [
                        word { try await task.value() }, word { try await task.yield() },
                        word { try await task.shutdown() },
                    ]
                }
                #expect(try await other.value() == ["not owner", "not owner", "not owner"])
                #expect(try await task.value() == 1)
            }
            await test.settle()
        }
    }

    @Test("a value that does not come in time vanishes, the work goes on; it stays timed out and can be ended")
    func timeout() async throws {
        try await withTestRuntime { test async throws in
            let lives = Lives()
            let task = Tasks.async { [clock = test.clock] in
                try await clock.sleep(for: .seconds(10))
                return Tracked(1, lives)
            }
            #expect(await word { try await task.value(timeout: .seconds(1)) } == "timeout")
            #expect(task.pid.isAlive)
            #expect(await word { try await task.value(timeout: .seconds(1)) } == "timeout")
            await test.clock.advance(by: .seconds(20))
            #expect(!task.pid.isAlive && lives.alive == 0)
            #expect(await word { try await task.shutdown() } == "nothing")
            let endless = Tasks.async { [clock = test.clock] in try await clock.sleep(for: .seconds(1_000)) }
            #expect(await word { try await endless.value(timeout: .seconds(1)) } == "timeout")
            #expect(await word { try await endless.shutdown() } == "nothing")
            #expect(!endless.pid.isAlive)
        }
    }

    @Test("yield asks again and again, waiting or not, and the value is not lost")
    func yield() async throws {
        try await withTestRuntime { test async throws in
            let task = Tasks.async { [clock = test.clock] in
                try await clock.sleep(for: .milliseconds(10))
                return 7
            }
            #expect(try await task.yield() == nil)
            let before = test.clock.now
            #expect(try await task.yield(timeout: .milliseconds(4)) == nil)
            #expect(test.clock.now - before >= .milliseconds(4))
            #expect(try await task.yield(timeout: .seconds(1)) == 7)
            #expect(test.clock.now - before < .milliseconds(20))
            await test.settle()
        }
    }

    @Test("a cancelled yield leaves the value, a cancelled wait gives it up")
    func cancelled() async throws {
        try await withTestRuntime { test async throws in
            let task = Tasks.async { [clock = test.clock] in
                try await clock.sleep(for: .milliseconds(10))
                return 7
            }
            let words = await withTaskGroup(of: String.self) { group in
                group.addTask { await word { try await task.yield(timeout: .seconds(5)) } }
                await test.clock.advance(by: .milliseconds(1))
                group.cancelAll()
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(words == ["cancelled"])
            #expect(try await task.value() == 7)
            let other = Tasks.async { [clock = test.clock] in try await clock.sleep(for: .milliseconds(10)) }
            let more = await withTaskGroup(of: String.self) { group in
                group.addTask { await word { try await other.value() } }
                await test.clock.advance(by: .milliseconds(1))
                group.cancelAll()
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(more == ["cancelled"])
            // It was not taken: asking again is no mistake.
            #expect(await word { try await other.yield() } == "timeout")
            #expect(await word { try await other.value() } == "timeout")
            #expect(await word { try await other.shutdown() } == "nothing")
        }
    }

    @Test("shutdown ends the work, or returns what it had made; the owner is not told by its link")
    func shutdown() async throws {
        try await withTestRuntime { test async throws in
            try await withProcess(receiving: Never.self) { mailbox async throws in
                for how in [ChildSpec.Shutdown.after(.seconds(1)), .infinity, .brutalKill] {
                    let task = Tasks.async { [clock = test.clock] in
                        try await clock.sleep(for: .seconds(100))
                        return 1
                    }
                    #expect(await word { try await task.shutdown(how) } == "nothing")
                    #expect(!task.pid.isAlive)
                    let done = Tasks.async { 2 }
                    await test.clock.runUntilIdle()
                    #expect(try await done.shutdown(how) == 2)
                }
                #expect(try await mailbox.receive(timeout: .seconds(1)) == nil)
            }
            let failed = Tasks.async { () -> Int in throw Failure() }
            await test.clock.runUntilIdle()
            #expect(await word { try await failed.shutdown() } == "exited: error (Failure)")
            await test.settle()
        }
    }

    @Test("an ignored task goes on without its owner, and its value vanishes")
    func ignored() async throws {
        try await withTestRuntime { test async throws in
            let lives = Lives()
            let probe = Probe<Int>()
            try await withProcess(receiving: Never.self) { _ async throws in
                let task = Tasks.async { [clock = test.clock] in
                    try await clock.sleep(for: .milliseconds(5))
                    probe.ref.send(1)
                    return Tracked(1, lives)
                }
                task.ignore()
                #expect(await word { try await task.value() } == "exited: no process")
            }
            try await probe.expect(1)
            await test.clock.runUntilIdle()
            #expect(lives.alive == 0)
            await test.settle()
        }
    }

    @Test("a completed task has its value at hand")
    func completed() async throws {
        try await withTestRuntime { test async throws in
            let task = Tasks.completed(5)
            #expect(task.pid == .none)
            #expect(try await task.yield() == 5)
            #expect(try await Tasks.completed("x").value() == "x")
            #expect(try await Tasks.completed("x").shutdown() == "x")
            Tasks.completed("x").ignore()
            await test.settle()
        }
    }

    @Test("many values come in the order of their tasks, within one timeout")
    func many() async throws {
        try await withTestRuntime { test async throws in
            @Sendable func after(_ milliseconds: Int) -> TaskRef<Int> {
                Tasks.async { [clock = test.clock] in
                    try await clock.sleep(for: .milliseconds(milliseconds))
                    return milliseconds
                }
            }
            #expect(try await Tasks.values(of: [3, 1, 2].map(after)) == [3, 1, 2])
            let late = [1, 90, 2].map(after)
            #expect(await word { try await Tasks.values(of: late, timeout: .milliseconds(10)) } == "timeout")
            for task in late { _ = try? await task.shutdown() }
            let mixed = [after(1), after(90), Tasks.async { throw Failure() }]
            let outcomes = await Tasks.yield(mixed, timeout: .milliseconds(10))
            let words = outcomes.map { outcome in outcome.map { "\($0)" } ?? "nothing" }
            #expect(words[0] == "success(1)" && words[1] == "nothing" && words[2].contains("failure"))
            #expect(try await mixed[1].value() == 90)
            await test.settle()
        }
    }

    @Test("a task that asks its waiting owner is a cycle, found at once (R3)")
    func cycle() async throws {
        try await withTestRuntime { test async throws in
            let owner = try await Owner.start()
            let answer = try await owner.run { _ in
                let task = Tasks.async { () -> String in
                    do throws(CallError) { return try await owner.run { _ in "answered" } } catch {
                        return "\(error.reason)"
                    }
                }
                return try task.value()
            }
            #expect(answer.contains("cycle"))
            try await owner.stop()
            await test.settle()
        }
    }

    @Test("the value never enters the owner's mailbox; a blocking wait works in a handler (S25)")
    func mailbox() async throws {
        try await withTestRuntime { test async throws in
            let owner = try await Owner.start()
            let answer = try await owner.run { [clock = test.clock] _ in
                let task = Tasks.async {
                    try await clock.sleep(for: .milliseconds(3))
                    return "late"
                }
                return try task.value()
            }
            #expect(answer == "late")
            #expect(try await owner.seen.isEmpty)
            try await owner.stop()
            await test.settle()
        }
    }

    @Test("what an owner leaves behind is destroyed: of a server at once, of a raw process within two minutes")
    func reclaimed() async throws {
        try await withTestRuntime { test async throws in
            let lives = Lives()
            let owner = try await Owner.start()
            _ = try await owner.run { _ in
                for number in 0..<3 { _ = Tasks.async { Tracked(number, lives) } }
                return ""
            }
            await test.clock.runUntilIdle()
            #expect(lives.alive == 3)
            try await owner.stop()
            #expect(lives.alive == 0)
            try await withProcess(receiving: Never.self) { _ async throws in
                for number in 0..<3 { _ = Tasks.async { Tracked(number, lives) } }
                // As long as it lives they are kept.
                await test.clock.advance(by: .seconds(500))
                #expect(lives.alive == 3)
            }
            await test.clock.advance(by: .seconds(130))
            #expect(lives.alive == 0)
            _ = Tasks.async { Tracked(1, lives) }
            await test.clock.advance(by: .seconds(130))
            #expect(lives.alive == 0)
            await test.settle()
        }
    }

    @Test("a process started for its effects is linked with nobody; its throw is reported")
    func start() async throws {
        try await withTestRuntime { test async throws in
            try await withProcess(receiving: Never.self) { mailbox async throws in
                let pid = Tasks.start { throw Failure() }
                guard case .error(is Failure) = try await pid.waitForExit() else { Issue.record("no error"); return }
                #expect(try await mailbox.receive(timeout: .seconds(1)) == nil)
                #expect(test.crashes.map(\.pid) == [pid])
            }
            await test.settle()
        }
    }

    @Test("a value taken twice, a task waited for twice, no concurrency: each traps")
    func badInput() async {
        let output = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let task = Tasks.completed(1)
            _ = try await task.value()
            _ = try await task.value()
        }
        #if DEBUG
            let text = output.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
            #expect(text.contains("expected a task whose value was not taken"))
            #expect(text.contains("TaskTests.swift"))
        #endif
        await #expect(processExitsWith: .failure) { _ = Tasks.stream(0..<3, concurrency: 0) { $0 } }
    }
}
