// SPDX-License-Identifier: Apache-2.0
// Races of registrations with deaths, over ten thousand seeds each.

import Martlet
import MartletTestKit
import Testing

private let keys = Registry<String, Int>("races.keys")
private let topics = Registry<String, Int>("races.topics", .duplicate)
private let servers = Registry<String, Void>("races.servers")
private let groups = ProcessGroups<String, Int>("races.groups")

@Suite("Races of registries and ends", .tags(.systematic), .takesTurns)
struct RaceOfRegistriesTests {
    /// Runs `body` with what these specs start, then stops that.
    private nonisolated(nonsending) static func serving(
        _ children: ChildSpec..., body: (inout Mailbox<Never>) async throws -> Void
    ) async throws {
        try await withProcess(receiving: Never.self) { mailbox in
            mailbox.trapsExits = true
            var pids: [Pid] = []
            for child in children { pids.append(try await child.start()) }
            try await body(&mailbox)
            for pid in pids { pid.exit(.shutdown) }
            for pid in pids { _ = try await pid.waitForExit() }
        }
    }

    /// Registers under the key until it is told to end; whether it had the key.
    private static func holder(_ number: Int, _ won: Probe<Int>? = nil) -> ProcessRef<Int> {
        spawn { (mailbox: inout Mailbox<Int>) in
            for round in 0..<3 {
                if (try? keys.register("k", number * 10 + round)) != nil {
                    won?.ref.send(number)
                    await Task.yield()
                    if round < 2 { keys.unregister("k") }
                }
                await Task.yield()
            }
            _ = try await mailbox.receive()
        }
    }

    @Test("an owner registers while it is killed: never found dead, nothing of it is left (R20)")
    func registerAgainstKill() async throws {
        try await explore(seeds: 0..<10_000) { test in
            try await Self.serving(keys.child, topics.child) { _ in
                let owner = spawn { (mailbox: inout Mailbox<Int>) in
                    for round in 0..<4 {
                        try? keys.register("k\(round)", round)
                        try? topics.register("t", round)
                        await Task.yield()
                    }
                    _ = try await mailbox.receive()
                }
                async let killer: Void = {
                    await Task.yield()
                    owner.pid.kill()
                }()
                async let observer: Void = {
                    while owner.pid.isAlive { await Task.yield() }
                    try #require((0..<4).allSatisfy { keys.pid("k\($0)") == nil })
                    try #require(topics.entries("t").isEmpty && keys.keys(of: owner.pid).isEmpty)
                    // Not in the way, cleaned up or not.
                    try await withProcess(receiving: Never.self) { _ in try keys.register("k0", 9) }
                }()
                _ = try await (killer, observer)
                await test.clock.runUntilIdle()
                try #require(keys.count == 0 && topics.count == 0)
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("several want a key whose holder is killed: one has it at a time, all entries go with their owners (R20)")
    func successors() async throws {
        try await explore(seeds: 0..<10_000) { test in
            try await Self.serving(keys.child) { _ in
                let owners = (0..<4).map { Self.holder($0) }
                await withTaskGroup(of: Void.self) { group in
                    for (number, owner) in owners.enumerated() where number != 3 {
                        group.addTask {
                            for _ in 0..<number { await Task.yield() }
                            owner.pid.kill()
                        }
                    }
                }
                await test.clock.runUntilIdle()
                // Who is left had time to try again; the others' entries are gone.
                try #require(keys.pid("k") == owners[3].pid || keys.pid("k") == nil)
                try #require(keys.count == keys.entries("k").count)
                owners[3].pid.kill()
                await test.clock.runUntilIdle()
                try #require(keys.count == 0)
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("the registry's process is killed and started again while owners come and go: nothing is lost, nothing leaks")
    func restart() async throws {
        try await explore(seeds: 0..<10_000) { test in
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                let first = try await keys.child.start()
                let kept = spawn { (mailbox: inout Mailbox<Int>) in
                    try keys.register("kept", 1)
                    _ = try await mailbox.receive()
                }
                await test.clock.runUntilIdle()
                try #require(keys.pid("kept") == kept.pid)
                let owners = (0..<3).map { Self.holder($0) }
                async let killer: Void = {
                    await Task.yield()
                    first.kill()
                    for owner in owners.dropLast() {
                        await Task.yield()
                        owner.pid.kill()
                    }
                }()
                var next: Pid?
                while next == nil {
                    next = try? await keys.child.start()
                    if next == first { next = nil }
                    await Task.yield()
                }
                await killer
                await test.clock.runUntilIdle()
                try #require(keys.pid("kept") == kept.pid)
                try #require(keys.count == keys.select { _, _ in true }.count)
                for pid in [kept.pid, owners[2].pid] { pid.kill() }
                await test.clock.runUntilIdle()
                try #require(keys.count == 0)
                next?.exit(.shutdown)
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("servers start under one key while the one that has it is stopped or killed: one lives at a time (R1, R20)")
    func viaStarts() async throws {
        try await explore(seeds: 0..<10_000) { test in
            try await Self.serving(servers.child) { _ in
                let name = Counter.Name.via(servers, "c")
                let started = await withTaskGroup(of: Pid?.self) { group in
                    for number in 0..<3 {
                        group.addTask {
                            do throws(StartError) { return try await Counter.start(number, name: name).pid } catch {
                                guard case .alreadyStarted(let holder) = error else { return nil }
                                holder.kill()
                                return try? await Counter.start(number, name: name).pid
                            }
                        }
                    }
                    return await group.reduce(into: Set<Pid>()) { if let pid = $1 { $0.insert(pid) } }
                }
                try #require(!started.isEmpty)
                try #require(started.count { $0.isAlive } <= 1)
                try #require(name.ref.map { started.contains($0.pid) } ?? true)
                for pid in started { pid.kill() }
                await test.clock.runUntilIdle()
                try #require(servers.count == 0)
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("who holds a key's lock may wait for another process, in a run as on threads: one body a key at a time")
    func lockAndCall() async throws {
        try await explore(seeds: 0..<2_000) { test in
            let counter = try await Counter.start(0)
            let inside = Inside()
            let owners = (0..<4).map { number in
                spawn(Never.self) { _ in
                    if number > 1 { await Task.yield() }
                    keys.withLock("k") {
                        inside.enter()
                        _ = try? counter.call { .increment(by: 1, $0) }
                        // Again, by the same code.
                        keys.withLock("k") { _ = try? counter.call { .increment(by: 1, $0) } }
                        inside.leave()
                    }
                }
            }
            var random = test.random
            for _ in 0..<Int.random(in: 0..<12, using: &random) { await Task.yield() }
            for owner in owners.prefix(Int.random(in: 0..<3, using: &random)) { owner.pid.kill() }
            for owner in owners { _ = try await owner.pid.waitForExit() }
            await test.clock.runUntilIdle()
            try #require(inside.most == 1)
            counter.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a parallel dispatch whose body waits for others hands each entry over once, whoever is killed meanwhile")
    func dispatchAgainstKills() async throws {
        try await explore(seeds: 0..<2_000) { test in
            try await Self.serving(topics.child) { _ in
                var random = test.random
                let counter = try await Counter.start(0)
                let owner = spawn { (mailbox: inout Mailbox<Int>) in
                    for round in 0..<6 { try? topics.register("t", round) }
                    _ = try await mailbox.receive()
                }
                await test.clock.runUntilIdle()
                let before = Set(test.processes)
                let (handed, over) = (Handed(), Handed())
                let caller = spawn(Never.self) { _ in
                    topics.dispatch("t", parallel: true) { entry in
                        _ = try? counter.call { .increment(by: 1, $0) }
                        handed.add(entry.value)
                    }
                    over.add(handed.all.count)
                }
                for _ in 0..<Int.random(in: 0..<12, using: &random) { await Task.yield() }
                // The caller, or who helps it.
                let new = test.processes.filter { !before.contains($0) }
                if let victim = new.randomElement(using: &random), Bool.random(using: &random) { victim.kill() }
                _ = try await caller.pid.waitForExit()
                await test.clock.runUntilIdle()
                // Killed before it began, it hands nothing over; else it does all.
                try #require(over.all == [6] || over.all == [])
                try #require(handed.all.sorted() == (over.all == [6] ? Array(0..<6) : []))
                for pid in [owner.pid, counter.pid] { pid.kill() }
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("members are added by others while they end: a dead one is never a member, no membership is left")
    func joinAgainstKill() async throws {
        try await explore(seeds: 0..<10_000) { test in
            try await Self.serving(groups.child) { _ in
                let member = spawn { (mailbox: inout Mailbox<Int>) in while true { _ = try await mailbox.receive() } }
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask {
                            groups.join("g", member)
                            await Task.yield()
                            groups.join("g", member)
                            groups.leave("g", member)
                        }
                    }
                    group.addTask {
                        await Task.yield()
                        member.pid.kill()
                    }
                }
                _ = try await member.pid.waitForExit()
                try #require(groups.members("g").isEmpty && groups.broadcast("g", 1) == 0)
                await test.clock.runUntilIdle()
                try #require(!groups.leave("g", member))
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}

/// How many are inside at once.
private final class Inside: Sendable {
    private let counts = _Locked((now: 0, most: 0))
    func enter() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { counts.withLock { $0.now -= 1 } }
    var most: Int { counts.withLock { $0.most } }
}

/// What was handed over, in order.
private final class Handed: Sendable {
    private let values = _Locked<[Int]>([])
    func add(_ value: Int) { values.withLock { $0.append(value) } }
    var all: [Int] { values.withLock { $0 } }
}
