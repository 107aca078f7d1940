// SPDX-License-Identifier: Apache-2.0
// Supervisors under crashes, kills and requests that race, over many seeds: nobody outlives its supervisor, everybody who
// asks is answered.

import MartletTestKit
import Testing

@testable import Martlet

@Suite("Supervisor races")
struct SupervisorRaceTests {
    /// With and without a name of the runtime: the second is started without a task.
    private static func spec(_ id: String, _ journal: Journal, _ isNamed: Bool) -> ChildSpec {
        Worker.child(
            .init(id: id, journal: journal), id: ChildID(id), name: isNamed ? Worker.named(id) : nil)
    }

    @Test(
        "whatever is asked for while children crash, every request is answered, and nothing outlives the supervisor",
        arguments: [Supervisor.Strategy.oneForOne, .oneForAll, .restForOne])
    func requests(strategy: Supervisor.Strategy) async throws {
        try await explore(seeds: 0..<40) { test in
            let journal = Journal()
            var random = test.random
            let tree = try await Supervisor.start(strategy, maxRestarts: 1_000) {
                for index in 0..<4 { Self.spec("\(index)", journal, index % 2 == 0) }
            }
            var tasks: [Task<Void, Never>] = []
            for _ in 0..<12 {
                let id = ChildID("\(Int.random(in: 0..<5, using: &random))")
                let kind = Int.random(in: 0..<6, using: &random)
                tasks.append(
                    Task {
                        switch kind {
                        case 0: try? await tree.stopChild(id)
                        case 1: _ = try? await tree.restartChild(id)
                        case 2: try? await tree.deleteChild(id)
                        case 3: _ = try? await tree.startChild(Self.spec("\(id)", journal, test.seed % 2 == 0))
                        default:
                            guard
                                case .running(let pid)? = try? await tree.children().first(where: { $0.id == id })?
                                    .state
                            else { return }
                            if kind == 4 { pid.kill() } else { Worker.Ref(pid)?.cast(.fail) }
                        }
                    })
            }
            if test.seed % 3 == 0 {
                if test.seed % 2 == 0 { try await tree.stop() } else { tree.pid.kill() }
            }
            for task in tasks { await task.value }
            await test.clock.runUntilIdle()
            if tree.pid.isAlive {
                for child in try await tree.children() where child.state == .restarting {
                    Issue.record("\(child.id) never came to rest")
                }
                try await tree.stop()
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("children that crash while the tree stops do not change the order, and do not come back (R18)")
    func stopUnderCrashes() async throws {
        try await explore(seeds: 0..<200) { test in
            let journal = Journal()
            let tree = try await Supervisor.start(.oneForOne, maxRestarts: 1_000) {
                for index in 0..<5 { Self.spec("\(index)", journal, index % 2 == 0) }
            }
            let children = try await tree.children()
            var random = test.random
            let crash = Int.random(in: 0..<5, using: &random)
            let crashing = Task {
                guard case .running(let pid) = children[crash].state else { return }
                Worker.Ref(pid)?.cast(.fail)
            }
            await Task.yield()
            try await tree.stop(.shutdown)
            await crashing.value
            let ends = journal.all.filter { $0.hasPrefix("-") }
            #expect(ends == ends.sorted(by: >), "\(journal.all)")
            #expect(Set(ends).count == ends.count)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a start that fails half-way while the children before it crash leaves none of them (R18)")
    func startFailsUnderCrashes() async throws {
        try await explore(seeds: 0..<200) { test in
            let journal = Journal()
            let result = await Task {
                try await Supervisor.start(maxRestarts: 10) {
                    for index in 0..<3 {
                        ChildSpec(id: ChildID("\(index)")) {
                            let worker = try await Worker.startLink(.init(id: "\(index)", journal: journal))
                            if UInt64(index) == test.seed % 3 { worker.cast(.fail) }
                            return worker.pid
                        }
                    }
                    ChildSpec(id: "last") {
                        await Task.yield()
                        throw Failure()
                    }
                }
            }.result
            guard case .failure(let error) = result, "\(error)" == "child last: failed (Failure)" else {
                Issue.record("\(result)")
                return
            }
            test.assertNothingLeft()
        }
    }

    @Test("significant children that end while others are restarted end the supervisor once, and nobody comes back")
    func significantUnderRestarts() async throws {
        try await explore(seeds: 0..<200) { test in
            let journal = Journal()
            let strategies: [Supervisor.Strategy] = [.oneForOne, .oneForAll, .restForOne]
            let tree = try await Supervisor.start(
                strategies[Int(test.seed % 3)], maxRestarts: 100, autoShutdown: .anySignificant
            ) {
                for index in 0..<3 {
                    Worker.child("\(index)", journal, restart: .transient).with { $0.isSignificant = index == 1 }
                }
            }
            Worker.named("0").cast(.fail)
            if test.seed % 2 == 0 { await Task.yield() }
            Worker.named("1").cast(.finish)
            await test.clock.runUntilIdle()
            // A restart of all may have overtaken its end: then it is up again, and ends the supervisor another time.
            if tree.pid.isAlive {
                #expect(Worker.named("1").ref != nil)
                Worker.named("1").cast(.finish)
                await test.clock.runUntilIdle()
            }
            #expect(!tree.pid.isAlive)
            test.assertNothingLeft()
        }
    }

    @Test("a supervisor that is killed or stopped while a child waits for its backoff starts nobody any more")
    func endsInBackoff() async throws {
        try await explore(seeds: 0..<100) { test in
            let journal = Journal()
            let tree = try await Supervisor.start(maxRestarts: 10) {
                Worker.child("a", journal).with {
                    $0.backoff = Backoff(first: .milliseconds(100), max: .seconds(1), jitter: 1)
                }
                Worker.child("b", journal)
            }
            Worker.named("a").cast(.fail)
            let ending = Task {
                try? await test.clock.sleep(for: .milliseconds(Int(test.seed)))
                if test.seed % 2 == 0 { tree.pid.kill() } else { try? await tree.stop() }
            }
            await ending.value
            await test.clock.advance(by: .seconds(3))
            #expect(!tree.pid.isAlive)
            test.assertNothingLeft()
        }
    }

    @Test("of many who start one id at once, one does")
    func oneID() async throws {
        try await explore(seeds: 0..<100) { test in
            let journal = Journal()
            let tree = try await Supervisor.start {}
            let isNamed = test.seed % 2 == 0
            let started = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<5 {
                    group.addTask { (try? await tree.startChild(Self.spec("a", journal, isNamed))) != nil }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(started == 1 && journal.all == ["+a"])
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("never more children than allowed, while they start, crash, end and are stopped")
    func maxChildren() async throws {
        try await explore(seeds: 0..<150) { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init(maxChildren: 3, maxRestarts: 1_000))
            var random = test.random
            var tasks: [Task<Void, Never>] = []
            for index in 0..<12 {
                let kind = Int.random(in: 0..<4, using: &random)
                tasks.append(
                    Task {
                        guard
                            let worker = try? await sessions.start(
                                Worker.self, .init(id: "\(index)", journal: journal), restart: .transient)
                        else { return }
                        if let count = try? await sessions.count() { #expect(count <= 3) }
                        switch kind {
                        case 0: worker.cast(.fail)
                        case 1: worker.cast(.finish)
                        case 2: _ = try? await sessions.stopChild(worker.pid)
                        default: worker.pid.kill()
                        }
                    })
            }
            for task in tasks { await task.value }
            await test.clock.runUntilIdle()
            let counts = try await sessions.counts()
            #expect(counts.specs <= 3 && counts.active == counts.specs)
            #expect(try await sessions.children().count == counts.specs)
            try await sessions.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a supervisor with a bounded mailbox, which would lose news of its children, is refused")
    func boundedMailbox() async throws {
        try await withTestRuntime { test in
            let options = StartOptions(mailbox: .bounded(2, whenFull: .reject))
            var words: [String] = []
            do throws(StartError) { _ = try await DynamicSupervisor.start(.init(), options: options) } catch {
                words.append(word(error))
            }
            do throws(StartError) { _ = try await Supervisor.start(.init {}, options: options) } catch {
                words.append(word(error))
            }
            let expected = "expected an unbounded mailbox for a supervisor, got one with a bound"
            #expect(words == [expected, expected])
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("copies that crash while their number changes: in the end there are as many as were asked for last")
    func resizeUnderCrashes() async throws {
        try await explore(seeds: 0..<100) { test in
            let journal = Journal()
            let copies = try await PartitionSupervisor<Worker>.start(
                .init(partitions: 3) { .init(id: "\($0)", journal: journal) })
            var random = test.random
            for _ in 0..<3 {
                let size = Int.random(in: 1...5, using: &random)
                let crash = Task {
                    for key in 0..<3 { copies.name(for: key).cast(.fail) }
                }
                do { try await copies.resize(to: size) } catch {
                    guard !copies.pid.isAlive else { throw error }
                    break
                }
                await crash.value
                await test.clock.runUntilIdle()
                guard copies.pid.isAlive else { break }
                let pids = try await copies.partitions()
                #expect(pids.count == size && pids.allSatisfy { $0?.isAlive ?? false })
            }
            if copies.pid.isAlive { try await copies.stop() }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a child that gave up its link is stopped all the same (R18)")
    func unlinked() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            @Sendable func unlinked(_ id: ChildID, traps: Bool) async throws -> Pid {
                let supervisor = try #require(Pid.current)
                let process = spawnLink(Int.self) { mailbox in
                    mailbox.trapsExits = traps
                    // Once its start is over, which links what is not linked.
                    try await test.clock.sleep(for: .milliseconds(1))
                    supervisor.unlink()
                    journal.note("\(id)")
                    while true { _ = try await mailbox.receiveInfo() }
                }
                return process.pid
            }
            let tree = try await Supervisor.start(.oneForAll) {
                ChildSpec(id: "plain") { try await unlinked("plain", traps: false) }
                ChildSpec(id: "stubborn", shutdown: .after(.seconds(1))) {
                    try await unlinked("stubborn", traps: true)
                }
                ChildSpec(id: "killed", shutdown: .brutalKill) { try await unlinked("killed", traps: true) }
            }
            await test.clock.advance(by: .milliseconds(2))
            #expect(journal.all.count == 3)
            for id in ["plain", "stubborn", "killed"] as [ChildID] { try await tree.stopChild(id) }
            #expect(try await tree.counts().active == 0)
            for id in ["plain", "stubborn", "killed"] as [ChildID] { try await tree.restartChild(id) }
            try await tree.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a child that fails while others come up again brings down those behind it alone (R18)", .tags(.property))
    func restForOneGoingUp() {
        var table = ChildTable(.restForOne, RestartBudget(maxRestarts: 100))
        var (now, last) = (Duration.zero, UInt64(0))
        /// Does what was decided: starts succeed but those of `failing`, who is told to end ends. What was done, in words.
        func act(failing: inout Set<ChildID>) -> [String] {
            var words: [String] = []
            while let action = table.takeAction() {
                now += .milliseconds(1)
                switch action {
                case .start(let child) where failing.remove(child.spec.id) != nil:
                    table.started(child.attempt, .failure(.systemLimit), at: now)
                case .start(let child):
                    last += 1
                    words.append("+\(child.spec.id)")
                    table.started(child.attempt, .success(Pid(raw: last)), at: now)
                case .stop(let pid, let child):
                    words.append("-\(child.spec.id)")
                    table.ended(pid, .shutdown, at: now)
                default: break
                }
            }
            return words
        }
        for id in ["a", "b", "c", "d"] as [ChildID] { _ = table.add(ChildSpec(id: id) { Pid.none }, waiter: nil) }
        var failing: Set<ChildID> = []
        #expect(act(failing: &failing) == ["+a", "+b", "+c", "+d"])
        failing = ["c"]
        if let pid = table.book.child("a")?.pid { table.ended(pid, .killed, at: now) }
        #expect(act(failing: &failing) == ["-d", "-c", "-b", "+a", "+b", "+c", "+d"])
    }

    @Test(
        "a start that returns the process of another child fails, and leaves that one alone", arguments: [true, false])
    func sharedProcess(isInList: Bool) async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let shared = ChildSpec(id: "b") { try #require(Worker.named("a").ref?.pid) }
            let expected = "child b: expected a new process, got that of child a"
            let tree = await Task {
                try await Supervisor.start {
                    Worker.child("a", journal)
                    if isInList { shared }
                }
            }.result
            switch tree {
            case .failure(let error):
                #expect(isInList && "\(error)".contains("child b"), "\(error)")
                if case .child(_, let cause)? = error as? StartError { #expect(word(cause) == expected) }
                #expect(journal.all == ["+a", "-a"])
            case .success(let tree):
                let error = await #expect(throws: StartError.self) { try await tree.startChild(shared) }
                #expect(error.map(word) == expected)
                #expect(journal.all == ["+a"])
                #expect(try await SupervisorTests.states(tree) == ["a runs"])
                try await tree.stop()
            }
            test.assertNothingLeft()
        }
    }

    @Test("a child that ends in its init, however, is a failed start, and its starter hears", arguments: [true, false])
    func endsInInit(isNamed: Bool) async throws {
        try await withTestRuntime { test in
            let ends: [@Sendable () throws -> Void] = [
                { Pid.current?.exit(.normal) }, { Pid.current?.exit(.shutdown) }, { Pid.current?.kill() },
                { throw ExitSignal(.normal) }, { throw ExitSignal(.shutdown) }, { throw ExitSignal(.killed) },
                { throw Ignore() }, { throw Refusal(Failure()) }, { throw Failure() },
            ]
            let journal = Journal()
            let tree = try await Supervisor.start(maxRestarts: 100) {}
            let sessions = try await DynamicSupervisor.start(.init(maxRestarts: 100))
            for (index, end) in ends.enumerated() {
                let spec = Worker.child(
                    .init(id: "\(index)", journal: journal, start: end), id: ChildID("\(index)"),
                    name: isNamed ? Worker.named("\(index)") : nil, restart: .temporary)
                _ = try? await tree.startChild(spec)
                _ = try? await sessions.startChild(spec)
            }
            await test.clock.runUntilIdle()
            for counts in [try await tree.counts(), try await sessions.counts()] {
                #expect(counts.restarting == 0 && counts.active == counts.specs, "\(counts)")
            }
            try await tree.stop()
            try await sessions.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a significant child of a supervisor that knows none is refused, and a limit below zero traps")
    func dynamicMisuse() async throws {
        try await withTestRuntime { test in
            let journal = Journal()
            let sessions = try await DynamicSupervisor.start(.init())
            let spec = Worker.child("a", journal, restart: .transient).with { $0.isSignificant = true }
            let error = await #expect(throws: StartError.self) { try await sessions.startChild(spec) }
            #expect(
                error.map(word)
                    == "child a: expected a supervisor that shuts down with significant children, got .never"
            )
            try await sessions.stop()
            test.assertNothingLeft()
        }
        await #expect(processExitsWith: .failure) { _ = DynamicSupervisor.Argument(maxChildren: -1) }
    }
}

private func word(_ error: StartError) -> String {
    if case .failed(let cause) = error { "\(cause)" } else { "\(error)" }
}
