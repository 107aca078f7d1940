// SPDX-License-Identifier: Apache-2.0
// Races of the ends of servers, of either kind, over ten thousand seeds each. Each run ends with its books balanced (F8)
// and nothing left, which `explore` checks by itself.

import Martlet
import MartletTestKit
import Testing

@Suite("Races of ends", .tags(.systematic), .takesTurns)
struct RaceOfEndsTests {
    /// How a call went, as a word.
    private static func word(_ body: () async throws(CallError) -> Int) async -> String {
        do { return "\(try await body())" } catch { return "\(error.reason)" }
    }

    /// How a stop went, as a word.
    private static func stop(_ subject: Subject, _ reason: ExitReason) async -> String {
        do { try await subject.stop(reason) } catch { return "\(error.reason)" }
        return "stopped"
    }

    /// Runs all at once; their words.
    private static func race(_ bodies: [@Sendable () async -> String]) async -> [String] {
        await withTaskGroup(of: String.self) { group in
            for body in bodies { group.addTask { await body() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test(
        "call against death: a reply or the one reason of the end, and later there is no process",
        arguments: Kind.allCases)
    func callAgainstDeath(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let lives = Lives()
            let subject = try await Subject.start(kind, Setup(lives: lives))
            let call: @Sendable () async -> String = {
                await Self.word { () async throws(CallError) in try await subject.ask(nil, .seconds(5)) }
            }
            let words = await Self.race([
                call, call, call,
                {
                    subject.tell(.fail)
                    return "thrown"
                },
                {
                    await Task.yield()
                    subject.pid.kill()
                    return "killed"
                },
            ])
            let reasons: Set = ["exited: killed", "exited: error (Failure)"]
            try #require(Set(words).isSubset(of: reasons.union(["1", "thrown", "killed", "no process"])), "\(words)")
            try #require(reasons.intersection(words).count <= 1, "\(words)")
            _ = try await subject.pid.waitForExit()
            try #require(await call() == "no process")
            await test.clock.runUntilIdle()
            try #require(lives.alive == 0)
            test.assertNothingLeft()
        }
    }

    @Test(
        "call against timeout against late reply: one outcome, every late reply is counted (F9)",
        arguments: Kind.allCases)
    func callAgainstLateReply(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let subject = try await Subject.start(kind)
            let call: @Sendable () async -> String = {
                await Self.word { () async throws(CallError) in try await subject.ask(2, .milliseconds(2)) }
            }
            let words = await Self.race([call, call, call])
            await test.clock.advance(by: .milliseconds(5))
            try #require(words.allSatisfy { $0 == "-1" || $0 == "timeout" }, "\(words)")
            let counts = test.runtime.deadLetterCounts
            let timeouts = words.count { $0 == "timeout" }
            try #require(timeouts == Int((counts[.lateReply] ?? 0) + (counts[.expired] ?? 0)))
            try await subject.stop(.normal)
            test.assertNothingLeft()
        }
    }

    @Test("stop against crash: the stop says how it ended, and terminate ran once (R15)", arguments: Kind.allCases)
    func stopAgainstCrash(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let lives = Lives()
            let subject = try await Subject.start(kind, Setup(lives: lives))
            let probe = Probe(Never.self)
            probe.watch(subject.pid)
            let words = await Self.race([
                { await Self.stop(subject, .shutdown) },
                {
                    await Task.yield()
                    subject.tell(.fail)
                    return "thrown"
                },
            ])
            let reason = "\(try await probe.expectDown(of: subject.pid))"
            if words.contains("stopped") {
                try #require(reason == "shutdown" && test.crashes.isEmpty)
            } else {
                try #require(reason == "error (Failure)" && test.crashes.count == 1)
                try #require(words.contains("exited: error (Failure)") || words.contains("no process"), "\(words)")
            }
            try #require(lives.alive == 0 && lives.terminated == 1)
            test.assertNothingLeft()
        }
    }

    @Test("cancel against reply: one of the two, and the server goes on", arguments: Kind.allCases)
    func cancelAgainstReply(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let subject = try await Subject.start(kind)
            var random = test.random
            let pause = Int.random(in: 0..<3, using: &random)
            let call = Task {
                await Self.word { () async throws(CallError) in try await subject.ask(pause == 1 ? 1 : nil, nil) }
            }
            let cancel = Task {
                if pause == 1 { try? await test.clock.sleep(for: .milliseconds(1)) }
                if pause == 2 { await Task.yield() }
                call.cancel()
            }
            let word = await call.value
            await cancel.value
            try #require(["1", "-1", "cancelled"].contains(word), "\(word)")
            await test.clock.advance(by: .milliseconds(2))
            try #require(try await subject.ask(nil, nil) == 1)
            try await subject.stop(.normal)
            test.assertNothingLeft()
        }
    }

    @Test("abandon against reply: whoever waits has one outcome, and nobody else is told", arguments: Kind.allCases)
    func abandonAgainstReply(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let subject = try await Subject.start(kind)
            let requests = [subject.request(nil, nil), subject.request(1, nil), subject.request(1, .milliseconds(1))]
            let words = await withTaskGroup(of: String.self) { group in
                for (index, request) in requests.enumerated() {
                    if index != 0 {
                        group.addTask {
                            await Self.word { () async throws(CallError) in try await request.value() }
                        }
                    }
                    group.addTask {
                        if index != 0 { try? await test.clock.sleep(for: .milliseconds(1)) }
                        request.abandon()
                        return "abandoned"
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            try #require(Set(words).isSubset(of: ["-1", "timeout", "cancelled", "abandoned"]), "\(words)")
            await test.clock.advance(by: .seconds(130))
            try await subject.stop(.normal)
            test.assertNothingLeft()
        }
    }

    @Test(
        "kill against init: the start says so or has a server, no state is left, the name is free (R1)",
        arguments: Kind.allCases)
    func killAgainstInit(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let lives = Lives()
            let desk = try await Desk.start()
            let words = await Self.race([
                {
                    do {
                        _ = try await Subject.start(kind, Setup(lives: lives, desk: desk), name: "killed early")
                        return "started"
                    } catch { return "\(error)" }
                },
                {
                    await Task.yield()
                    if let pid = Subject.holder(of: "killed early", kind) { pid.kill() }
                    try? await test.clock.sleep(for: .milliseconds(1))
                    if let pid = Subject.holder(of: "killed early", kind) { pid.kill() }
                    return "killed"
                },
            ])
            try #require(Set(words).isSubset(of: ["started", "killed", "exited: killed"]), "\(words)")
            if words.contains("exited: killed") {
                try #require(Subject.holder(of: "killed early", kind) == nil)
            } else if let pid = Subject.holder(of: "killed early", kind) {
                pid.kill()
                _ = try await pid.waitForExit()
            }
            await test.clock.advance(by: .milliseconds(2))
            try #require(Subject.holder(of: "killed early", kind) == nil && lives.alive == 0)
            try await desk.stop()
            test.assertNothingLeft()
        }
    }

    @Test("castWaiting against the death of the receiver: each ends, and the books balance", arguments: Kind.allCases)
    func castWaitingAgainstDeath(kind: Kind) async throws {
        let options = StartOptions(mailbox: .bounded(1, whenFull: .reject))
        try await explore(seeds: 0..<10_000) { test in
            let lives = Lives()
            let subject = try await Subject.start(kind, Setup(lives: lives), options: options)
            let cast: @Sendable () async -> String = {
                await Self.word { () async throws(CallError) in
                    try await subject.castWaiting(.note)
                    return 1
                }
            }
            let words = await Self.race([
                cast, cast, cast, cast,
                {
                    await Task.yield()
                    if test.seed % 2 == 0 { subject.pid.kill() } else { subject.pid.exit(.shutdown) }
                    return "ended"
                },
            ])
            _ = try await subject.pid.waitForExit()
            let ends: Set = ["exited: killed", "exited: shutdown", "no process"]
            try #require(Set(words).isSubset(of: ends.union(["1", "ended"])), "\(words)")
            let statistics = test.runtime.statistics
            try #require(Int(statistics.sent - statistics.refused) == words.count { $0 == "1" })
            await test.clock.runUntilIdle()
            try #require(lives.alive == 0)
            test.assertNothingLeft()
        }
    }

    @Test(
        "the parent's exit against a stop: terminate runs once, all hear of one reason (R11)", arguments: Kind.allCases)
    func parentExitAgainstStop(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let lives = Lives()
            let started = Probe(Subject.self)
            let parent = spawn { (mailbox: inout Mailbox<Int>) in
                started.ref.send(try await Subject.start(kind, Setup(lives: lives), linked: true))
                _ = try await mailbox.receive()
                throw ExitSignal(.shutdown)
            }
            let subject = try await started.expect()
            started.watch(subject.pid)
            let words = await Self.race([
                { await Self.stop(subject, .normal) },
                {
                    parent.send(1)
                    return "ended"
                },
            ])
            let reason = "\(try await started.expectDown(of: subject.pid))"
            if words.contains("stopped") {
                try #require(reason == "normal")
            } else {
                try #require(reason == "shutdown")
                try #require(words.contains("exited: shutdown") || words.contains("no process"), "\(words)")
            }
            _ = try await parent.pid.waitForExit()
            await test.clock.runUntilIdle()
            try #require(lives.alive == 0 && lives.terminated == 1, "\(lives.terminated)")
            test.assertNothingLeft()
        }
    }

    @Test(
        "a name against the death of its holder: who hears of the end may take it (R1, R20)", arguments: Kind.allCases)
    func nameAgainstDeath(kind: Kind) async throws {
        try await explore(seeds: 0..<10_000) { test in
            let first = try await Subject.start(kind, name: "taken over")
            let succeed: @Sendable () async -> String = {
                do { return "\(try await Subject.start(kind, name: "taken over").pid)" } catch {
                    guard case .alreadyStarted(let holder) = error as? StartError else { return "\(error)" }
                    return "\(holder)"
                }
            }
            let words = await Self.race([
                {
                    _ = try? await first.pid.waitForExit()
                    return await succeed()
                },
                {
                    while true {
                        do throws(CallError) { _ = try await first.ask(nil, nil) } catch { return await succeed() }
                    }
                },
                {
                    await Task.yield()
                    if test.seed % 2 == 0 { first.pid.kill() } else { first.tell(.fail) }
                    return "ended"
                },
            ])
            // Both have the same successor.
            try #require(Set(words).count == 2 && !words.contains("\(first.pid)"), "\(words)")
            Subject.holder(of: "taken over", kind)?.exit(.shutdown)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
