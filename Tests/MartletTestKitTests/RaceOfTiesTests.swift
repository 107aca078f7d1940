// SPDX-License-Identifier: Apache-2.0
// Races of links and monitors with ends, over ten thousand seeds each.

import Martlet
import MartletTestKit
import Testing

@Suite("Races of ties and ends", .tags(.systematic), .takesTurns)
struct RaceOfTiesTests {
    /// Ends with the reason that it is sent.
    private static func waiting() -> ProcessRef<ExitReason> {
        spawn { (mailbox: inout Mailbox<ExitReason>) in throw ExitSignal(try await mailbox.receive()) }
    }

    /// What a process has heard, as it stands in its mailbox now.
    private nonisolated(nonsending) static func heard(
        _ mailbox: inout Mailbox<Never>
    ) async throws -> [(ref: MonitorRef?, reason: ExitReason)] {
        var all: [(MonitorRef?, ExitReason)] = []
        while true {
            switch try await mailbox.receiveInfo(timeout: .milliseconds(1)) {
            case .exit(_, let reason): all.append((nil, reason))
            case .down(let ref, _, let reason): all.append((ref, reason))
            default: return all
            }
        }
    }

    @Test("link against the end of the peer: one signal, its reason or no process (R14)")
    func linkAgainstExit() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let peer = Self.waiting()
            async let killer: Void = { _ = peer.send(.error(Failure())) }()
            let heard = try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                peer.pid.link()
                return try await Self.heard(&mailbox)
            }
            await killer
            try #require(heard.count == 1)
            switch heard[0].reason {
            case .error, .noProcess: break
            default: Issue.record("\(heard[0].reason)")
            }
        }
    }

    @Test("both linked processes are killed at once: each end is told at most once, nothing is left")
    func bothEnd() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let (first, second, third) = (Self.waiting(), Self.waiting(), Self.waiting())
            let probe = Probe(Never.self)
            probe.link(first.pid)
            probe.link(second.pid)
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                for pid in [first.pid, second.pid, third.pid] { pid.link() }
                async let one: Void = first.pid.kill()
                async let two: Void = second.pid.exit(.shutdown)
                _ = await (one, two)
                let reasons = try await Self.heard(&mailbox).map { "\($0.reason)" }.sorted()
                try #require(reasons == ["killed", "shutdown"])
            }
            try await probe.expectExit(of: first.pid)
            try await probe.expectExit(of: second.pid)
            third.pid.kill()
        }
    }

    @Test("monitor against exit: exactly one DOWN, its reason or no process")
    func monitorAgainstExit() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let peer = Self.waiting()
            let heard = try await withProcess(receiving: Never.self) { mailbox in
                async let killer: Void = { _ = peer.send(.shutdown) }()
                let refs = [peer.pid.monitor(), peer.pid.monitor()]
                await killer
                let heard = try await Self.heard(&mailbox)
                try #require(Set(heard.map(\.ref)) == Set(refs))
                return heard
            }
            try #require(heard.count == 2)
            for news in heard {
                switch news.reason {
                case .shutdown, .noProcess: break
                default: Issue.record("\(news.reason)")
                }
            }
        }
    }

    @Test("demonitor against DOWN: nothing comes afterwards, and true means that it had not fired")
    func demonitorAgainstDown() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let peer = Self.waiting()
            try await withProcess(receiving: Never.self) { mailbox in
                let (given, kept) = (peer.pid.monitor(), peer.pid.monitor())
                async let killer: Void = { _ = peer.send(.shutdown) }()
                await Task.yield()
                let wasLive = given.cancel()
                await killer
                let heard = try await Self.heard(&mailbox)
                try #require(heard.map(\.ref) == [kept])
                try #require(!wasLive || !given.cancel())
            }
        }
    }

    @Test("unlink against exit: after it returns a process that does not trap lives, or was told before")
    func unlinkAgainstExit() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let peer = Self.waiting()
            let effects = Probe(Int.self)
            let linked = spawn { (mailbox: inout Mailbox<Int>) in
                peer.pid.link()
                effects.ref.send(1)
                _ = try await mailbox.receive()
                peer.pid.unlink()
                effects.ref.send(2)
                _ = try await mailbox.receive()
                effects.ref.send(3)
            }
            try await effects.expect(1)
            async let killer: Void = { _ = peer.send(.error(Failure())) }()
            linked.send(1)
            await killer
            linked.send(2)
            let reason = try await linked.pid.waitForExit()
            switch reason {
            case .normal, .noProcess, .error: break
            default: Issue.record("\(reason)")
            }
        }
    }

    @Test("spawnLink against the end of the starter: the child ends with it, whatever the order")
    func spawnLinkAgainstExit() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let children = Probe(Pid.self)
            let starter = spawn { (mailbox: inout Mailbox<Int>) in
                for _ in 0..<3 {
                    let child = spawnLink { (mailbox: inout Mailbox<Int>) in _ = try await mailbox.receive() }
                    children.ref.send(child.pid)
                }
                _ = try await mailbox.receive()
            }
            starter.pid.exit(.error(Failure()))
            _ = try await starter.pid.waitForExit()
            // A child that was made after the end would live: nothing may be left.
            await test.clock.advance(by: .milliseconds(10))
            test.assertNothingLeft()
        }
    }

    @Test("the name of an ended server is free when its DOWN comes (R20)")
    func nameReuseAgainstDeath() async throws {
        let name: Counter.Name = "reused"
        try await explore(seeds: 0..<10_000) { test in
            try await withProcess(receiving: Never.self) { mailbox in
                let (_, monitor) = try await Counter.startMonitor(1, name: name)
                async let killer: Void = { name.ref?.pid.kill() }()
                guard case .down(monitor, _, .killed) = try await mailbox.receiveInfo() else {
                    Issue.record("expected a kill")
                    return
                }
                await killer
                let successor = try await Counter.start(2, name: name)
                try #require(try await name.call { .get($0) } == 2)
                try await successor.stop()
            }
        }
    }
}
