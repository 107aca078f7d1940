// SPDX-License-Identifier: Apache-2.0
// A supervisor and its children as processes (R18, R19). What it decides is tested in ChildTableTests.

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Supervisor")
struct SupervisorTests {
    /// The process of a child by its name, once it is another than `before`.
    static func process(_ id: String, otherThan before: Pid? = nil) async throws -> Pid {
        var pid: Pid?
        try await eventually {
            pid = Worker.named(id).ref?.pid
            return pid != nil && pid != before
        }
        return try #require(pid)
    }

    static func states(_ tree: Supervisor.Ref) async throws -> [String] {
        try await tree.children().map { child in
            switch child.state {
            case .running: "\(child.id) runs"
            case .restarting: "\(child.id) restarts"
            case .stopped: "\(child.id) stopped"
            }
        }
    }

    @Test("children start in order and stop in reverse, with their last words (R18, S12)")
    func order() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start {
                for id in ["a", "b", "c"] { Worker.child(id, journal) }
            }
            #expect(journal.take() == ["+a", "+b", "+c"])
            #expect(try await Self.states(tree) == ["a runs", "b runs", "c runs"])
            try await tree.stop()
            #expect(journal.take() == ["-c", "-b", "-a"])
            test.assertNothingLeft()
        }
    }

    @Test("a start that fails names the child and the cause, and stops those before it (R18)")
    func startFails() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let error = try await #require(throws: StartError.self) {
                try await Supervisor.start {
                    Worker.child("a", journal)
                    Worker.child("b", journal) { throw Failure() }
                    Worker.child("c", journal)
                }
            }
            guard case .child("b", .failed(let cause)) = error, cause is Failure else {
                Issue.record("\(error)")
                return
            }
            #expect(journal.all == ["+a", "-a"])
            test.assertNothingLeft()
        }
    }

    @Test("a failed start ends a linked starter with shutdown; one that traps hears of it by the error alone (R2)")
    func startFailsLinked() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let starter = spawn(Int.self) { _ in
                _ = try? await Supervisor.startLink { Worker.child("a", journal) { throw Failure() } }
                throw Failure()
            }
            let reason = try await starter.pid.waitForExit()
            guard case .shutdown = reason else { Issue.record("\(reason)"); return }
            let trapper = spawn(Int.self) { mailbox in
                mailbox.trapsExits = true
                _ = try? await Supervisor.startLink { Worker.child("a", journal) { throw Failure() } }
                if case .exit? = try? await mailbox.receiveInfo(timeout: .seconds(1)) { throw Failure() }
            }
            let end = try await trapper.pid.waitForExit()
            guard case .normal = end else { Issue.record("\(end)"); return }
            test.assertNothingLeft()
        }
    }

    @Test("a child that ignores is no failure: it stays stopped, and may be started later (R2)")
    func ignores() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let isReady = _Locked(false)
            let tree = try await Supervisor.start {
                Worker.child("a", journal) { if !isReady.withLock({ $0 }) { throw Ignore() } }
                Worker.child("b", journal)
            }
            #expect(try await Self.states(tree) == ["a stopped", "b runs"])
            isReady.withLock { $0 = true }
            try await tree.restartChild("a")
            #expect(try await Self.states(tree) == ["a runs", "b runs"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("oneForOne restarts what ended, alone, with its argument and its name (R18, S8)")
    func oneForOne() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start {
                for id in ["a", "b", "c"] { Worker.child(id, journal) }
            }
            let before = try await Self.process("b")
            let others = [try await Self.process("a"), try await Self.process("c")]
            _ = journal.take()
            Worker.named("b").cast(.fail)
            let after = try await Self.process("b", otherThan: before)
            #expect(after != before)
            #expect([try await Self.process("a"), try await Self.process("c")] == others)
            #expect(journal.take() == ["+b"])
            #expect(try await tree.children().map(\.restarts) == [0, 1, 0])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("oneForAll ends the others in reverse order and starts all in order (R18)")
    func oneForAll() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(.oneForAll) {
                for id in ["a", "b", "c"] { Worker.child(id, journal) }
            }
            _ = journal.take()
            Worker.named("b").cast(.fail)
            try await eventually { journal.all.count == 5 }
            #expect(journal.all == ["-c", "-a", "+a", "+b", "+c"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("restForOne ends those started later, in reverse, and starts from the failed one on (R18)")
    func restForOne() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(.restForOne) {
                for id in ["a", "b", "c", "d"] { Worker.child(id, journal) }
            }
            _ = journal.take()
            Worker.named("b").cast(.fail)
            try await eventually { journal.all.count == 5 }
            #expect(journal.all == ["-d", "-c", "+b", "+c", "+d"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("transient restarts after an abnormal end only; temporary never, and is forgotten (R18)")
    func restartTypes() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start {
                Worker.child("permanent", journal)
                Worker.child("transient", journal, restart: .transient)
                Worker.child("temporary", journal, restart: .temporary)
            }
            for id in ["permanent", "transient", "temporary"] { Worker.named(id).cast(.finish) }
            try await eventually { try await tree.counts().active == 1 }
            #expect(try await Self.states(tree) == ["permanent runs", "transient stopped"])
            try await tree.restartChild("transient")
            let before = try await Self.process("transient")
            Worker.named("transient").cast(.fail)
            _ = try await Self.process("transient", otherThan: before)
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test(
        "one restart too many in the window: the children are ended, and the supervisor exits shutdown (R19)",
        arguments: [0, 1, 3])
    func intensity(maxRestarts: Int) async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let probe = Probe(Int.self)
            let tree = try await Supervisor.start(maxRestarts: maxRestarts, within: .seconds(5)) {
                Worker.child("a", journal)
                Worker.child("b", journal)
            }
            probe.watch(tree.pid)
            var last = try await Self.process("b")
            for _ in 0..<maxRestarts {
                Worker.named("b").cast(.fail)
                last = try await Self.process("b", otherThan: last)
            }
            // Out of the window: the budget is whole again.
            await test.clock.advance(by: .seconds(6))
            for _ in 0..<maxRestarts {
                Worker.named("b").cast(.fail)
                last = try await Self.process("b", otherThan: last)
            }
            #expect(tree.pid.isAlive)
            _ = journal.take()
            Worker.named("b").cast(.fail)
            let reason = try await probe.expectDown(of: tree.pid)
            guard case .shutdown = reason else { Issue.record("\(reason)"); return }
            #expect(journal.all == ["-a"])
            test.assertNothingLeft()
        }
    }

    @Test("a failed restart counts and is tried again; the supervisor answers meanwhile (R19)")
    func failedRestarts() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let failures = _Locked(0)
            let tree = try await Supervisor.start(maxRestarts: 3) {
                Worker.child("a", journal) {
                    let fails = failures.withLock { left in
                        defer { left = max(0, left - 1) }
                        return left > 0
                    }
                    if fails { throw Failure() }
                }
            }
            let before = try await Self.process("a")
            failures.withLock { $0 = 2 }
            Worker.named("a").cast(.fail)
            _ = try await Self.process("a", otherThan: before)
            #expect(try await tree.children().map(\.restarts) == [3])
            failures.withLock { $0 = .max }
            Worker.named("a").cast(.fail)
            let reason = try await tree.pid.waitForExit()
            guard case .shutdown = reason else { Issue.record("\(reason)"); return }
            test.assertNothingLeft()
        }
    }

    @Test("a start that hangs holds up nobody: siblings restart, questions are answered, it can be stopped")
    func hangingStart() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let hangs = _Locked(false)
            let tree = try await Supervisor.start {
                Worker.child("a", journal)
                ChildSpec(id: "slow") {
                    if hangs.withLock({ $0 }) { try await test.clock.sleep(for: .seconds(3_600)) }
                    return spawnLink(Int.self) { mailbox in
                        _ = try await mailbox.receive()
                        throw Failure()
                    }.pid
                }
            }
            hangs.withLock { $0 = true }
            guard case .running(let slow)? = try await tree.children().last?.state else {
                Issue.record("not running")
                return
            }
            ProcessRef<Int>(pid: slow).send(1)
            try await eventually { try await Self.states(tree) == ["a runs", "slow restarts"] }
            let before = try await Self.process("a")
            Worker.named("a").cast(.fail)
            _ = try await Self.process("a", otherThan: before)
            try await tree.startChild(Worker.child("b", journal))
            try await tree.stopChild("slow")
            #expect(try await Self.states(tree) == ["a runs", "slow stopped", "b runs"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a restart waits for its backoff, growing, and begins anew after a healthy time")
    func backoff() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let backoff = Backoff(first: .seconds(1), max: .seconds(8), factor: 2, jitter: 0)
            let tree = try await Supervisor.start(maxRestarts: 100) {
                Worker.child("a", journal).with { $0.backoff = backoff }
                Worker.child("b", journal)
            }
            for expected in [1, 2, 4, 8, 8] {
                let before = try await Self.process("a")
                let failed = test.clock.now
                Worker.named("a").cast(.fail)
                try await eventually { try await Self.states(tree) == ["a restarts", "b runs"] }
                await test.clock.advance(by: .seconds(expected) - .milliseconds(20))
                #expect(Worker.named("a").ref == nil)
                _ = try await Self.process("a", otherThan: before)
                #expect(test.clock.now - failed < .seconds(expected) + .milliseconds(20))
            }
            await test.clock.advance(by: .seconds(9))
            let failed = test.clock.now
            let before = try await Self.process("a")
            Worker.named("a").cast(.fail)
            try await eventually(within: .seconds(3)) { Worker.named("a").ref.map { $0.pid != before } ?? false }
            #expect(test.clock.now - failed < .milliseconds(1_100))
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a child with a budget of its own does not use up its supervisor's, and ends it when it is over")
    func ownBudget() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(maxRestarts: 0) {
                Worker.child("a", journal).with { $0.budget = RestartBudget(maxRestarts: 5, within: .seconds(60)) }
            }
            for _ in 0..<5 {
                let before = try await Self.process("a")
                Worker.named("a").cast(.fail)
                _ = try await Self.process("a", otherThan: before)
            }
            Worker.named("a").cast(.fail)
            _ = try await tree.pid.waitForExit()
            test.assertNothingLeft()
        }
    }

    @Test("a child that ignores its shutdown is killed when its time is over; brutalKill does not wait (R18)")
    func shutdownTime() async throws {
        try await withTestRuntime { test in
            @Sendable func stubborn(_ id: ChildID, _ shutdown: ChildSpec.Shutdown) -> ChildSpec {
                ChildSpec(id: id, shutdown: shutdown) {
                    let process = spawnLink(Int.self) { mailbox in
                        mailbox.trapsExits = true
                        while true { _ = try await mailbox.receiveInfo() }
                    }
                    try await eventually { _Tie.traps(process.pid.raw) }
                    return process.pid
                }
            }
            for (shutdown, expected) in [(ChildSpec.Shutdown.after(.seconds(2)), 2), (.brutalKill, 0)] {
                let tree = try await Supervisor.start { stubborn("a", shutdown) }
                let began = test.clock.now
                try await tree.stop()
                let took = (test.clock.now - began) / .seconds(1) - Double(expected)
                #expect(took >= 0 && took < 0.1)
            }
            let tree = try await Supervisor.start { stubborn("a", .after(.seconds(2))) }
            let began = test.clock.now
            try await tree.stopChild("a")
            #expect(test.clock.now - began >= .seconds(2))
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("when a supervisor is killed, its children end with it, terminate included; nested ones too (R11, R14)")
    func killed() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start {
                Worker.child("a", journal)
                Supervisor.child("below") { Worker.child("b", journal) }
            }
            tree.pid.kill()
            await test.clock.runUntilIdle()
            #expect(Set(journal.take()) == ["+a", "+b", "-a", "-b"])  // terminate ran, in no order
            test.assertNothingLeft()
        }
    }

    @Test("a nested supervisor that gives up is restarted by the one above, which gives up in its turn (R19)")
    func escalation() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(maxRestarts: 1) {
                Supervisor.child("below", maxRestarts: 1) { Worker.child("a", journal) }
            }
            var before: Pid?
            for _ in 0..<4 {
                let pid = try await Self.process("a", otherThan: before)
                before = pid
                Worker.named("a").cast(.fail)
                _ = try await pid.waitForExit()
            }
            let reason = try await tree.pid.waitForExit()
            guard case .shutdown = reason else { Issue.record("\(reason)"); return }
            #expect(journal.all.filter { $0 == "+a" }.count == 4)
            test.assertNothingLeft()
        }
    }

    @Test("significant children end their supervisor: the first, or the last (R18)", arguments: [true, false])
    func autoShutdown(any: Bool) async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let tree = try await Supervisor.start(autoShutdown: any ? .anySignificant : .allSignificant) {
                for id in ["a", "b"] {
                    Worker.child(id, journal, restart: .transient).with { $0.isSignificant = true }
                }
                Worker.child("c", journal)
            }
            _ = journal.take()
            Worker.named("a").cast(.finish)
            if !any {
                try await eventually { try await tree.counts().active == 2 }
                Worker.named("b").cast(.finish)
            }
            let reason = try await tree.pid.waitForExit()
            guard case .shutdown = reason else { Issue.record("\(reason)"); return }
            #expect(journal.all == (any ? ["-a", "-c", "-b"] : ["-a", "-b", "-c"]))
            test.assertNothingLeft()
        }
    }

    @Test("manual processes sit under a supervisor; one that is not linked is linked (S2)")
    func manual() async throws {
        try await withTestRuntime { test in
            let starts = _Locked(0)
            let tree = try await Supervisor.start {
                ChildSpec(id: "manual") {
                    starts.withLock { $0 += 1 }
                    return spawn(Int.self) { mailbox in
                        _ = try await mailbox.receive()
                        throw Failure()
                    }.pid
                }
            }
            guard case .running(let pid)? = try await tree.children().first?.state else { return }
            ProcessRef<Int>(pid: pid).send(1)
            try await eventually { starts.withLock { $0 } == 2 }
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("terminate of a child runs on shutdown without trapping exits (S10, S26)")
    func terminates() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let parent = spawn(Int.self) { mailbox in
                _ = try await Supervisor.startLink { Worker.child("a", journal) }
                _ = try await mailbox.receive()
            }
            try await eventually { journal.all == ["+a"] }
            parent.pid.exit(.shutdown)
            try await eventually { journal.all == ["+a", "-a"] }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
