// SPDX-License-Identifier: Apache-2.0
// Races of names, timers, room in mailboxes and raw processes over many seeds.

import Martlet
import MartletTestKit
import Testing

@Suite("Races of names, timers and room", .tags(.systematic), .takesTurns)
struct RaceOfNamesAndTimersTests {
    @Test("cancel against its timer: what cancel took back is not delivered, all else once (F10)")
    func cancelAgainstTimer() async throws {
        try await explore(seeds: 0..<300) { test in
            let desk = try await Desk.start()
            let cancelled = await withTaskGroup(of: Int?.self) { group in
                for number in 0..<6 {
                    let timer = desk.sendAfter(.milliseconds(number % 3), number)
                    group.addTask {
                        try? await test.clock.sleep(for: .milliseconds(number % 3))
                        return timer.cancel() == nil ? nil : number
                    }
                }
                return await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
            }
            await test.clock.advance(by: .milliseconds(5))
            let seen = try await desk.call { .seen($0) }
            try #require(seen.count == Set(seen).count && cancelled.isDisjoint(with: seen))
            try #require(cancelled.union(seen) == Set(0..<6))
            try await desk.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a name is free as soon as anybody hears that its holder has ended (R1, R20)")
    func nameReuse() async throws {
        let name: Counter.Name = "races.name"
        try await explore(seeds: 0..<10_000) { test in
            let first = try await Counter.start(0, name: name)
            // Each hears of the end in its own way, and starts a successor at once.
            let holders = try await withThrowingTaskGroup(of: Pid.self) { group in
                group.addTask {
                    _ = try await first.pid.waitForExit()
                    return try await Self.succeed(first, name)
                }
                group.addTask {
                    do { _ = try await first.call(timeout: nil) { .get($0) } } catch {
                        return try await Self.succeed(first, name)
                    }
                    return first.pid
                }
                group.addTask {
                    first.pid.kill()
                    return first.pid
                }
                return try await group.reduce(into: Set<Pid>()) { $0.insert($1) }
            }
            try #require(holders.subtracting([first.pid]).count == 1)
            let second = try await Counter.start(3, name: "races.other")
            for pid in holders.union([second.pid]) where pid.isAlive { pid.exit(.shutdown) }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    /// Starts a successor, or finds the one that was faster.
    private static func succeed(_ first: Counter.Ref, _ name: Counter.Name) async throws -> Pid {
        do throws(StartError) { return try await Counter.start(1, name: name).pid } catch {
            guard case .alreadyStarted(let holder) = error else { throw error }
            try #require(holder != first.pid, "the name still belonged to the one that had ended")
            return holder
        }
    }

    @Test("castWaiting against the death of the server: each ends, and room never grows")
    func castWaitingAgainstDeath() async throws {
        let options = StartOptions(mailbox: .bounded(2, whenFull: .reject))
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start((), options: options)
            let sent = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        do throws(CallError) {
                            try await desk.castWaiting(.note(number), timeout: nil)
                            return true
                        } catch { return false }
                    }
                }
                group.addTask {
                    await Task.yield()
                    desk.pid.kill()
                    return false
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            _ = try await desk.pid.waitForExit()
            let statistics = test.runtime.statistics
            try #require(Int(statistics.sent - statistics.refused) == sent)
            test.assertNothingLeft()
        }
    }

    @Test("a full mailbox: what is refused is told to its sender, the rest is handled in order (F13)")
    func overflow() async throws {
        for policy: MailboxPolicy.Overflow in [.reject, .dropNewest, .dropOldest] {
            let options = StartOptions(mailbox: .bounded(3, whenFull: policy))
            try await explore(seeds: 0..<200, faults: .overflowing(everyMessages: 4)) { test in
                let desk = try await Desk.start((), options: options)
                await withTaskGroup(of: Void.self) { group in
                    for sender in 0..<2 {
                        group.addTask {
                            for number in 0..<8 {
                                desk.cast(.note(sender * 10 + number))
                                if number % 3 == 2 { await Task.yield() }
                            }
                        }
                    }
                }
                await test.clock.runUntilIdle()
                let seen = try await desk.call { .seen($0) }
                for sender in 0..<2 {
                    let own = seen.filter { $0 / 10 == sender }
                    try #require(own == own.sorted())
                }
                let statistics = test.runtime.statistics
                try #require(statistics.sent == 17)
                try #require(seen.count + 1 == Int(statistics.handled))
            }
        }
    }

    @Test("a raw process that receives with a timeout, against messages and a kill: nothing is lost")
    func rawProcess() async throws {
        try await explore(seeds: 0..<300) { test in
            let probe = Probe(Int.self)
            let echo = spawn(Int.self) { mailbox in
                while true {
                    let number = try await mailbox.receive(timeout: .milliseconds(2))
                    probe.ref.send(number ?? -1)
                }
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<4 {
                        echo.send(number)
                        try? await test.clock.sleep(for: .milliseconds(number))
                    }
                }
                group.addTask {
                    try? await test.clock.sleep(for: .milliseconds(6))
                    echo.pid.kill()
                }
            }
            _ = try await echo.pid.waitForExit()
            test.assertNothingLeft()
        }
    }

    @Test("an idle timeout against messages: it fires only after so long without one (R7)")
    func idleTimeout() async throws {
        struct Idler: GenServer {
            enum Call { case idles(From<[Duration]>) }
            enum Cast { case poke }
            let now: @Sendable () -> Duration
            var last = Duration.zero
            var gaps: [Duration] = []
            init(_ now: @escaping @Sendable () -> Duration) { self.now = now }
            mutating func handleCall(_ call: Call) -> Next {
                if case .idles(let from) = call { from.reply(gaps) }
                last = now()
                return .wait(idle: .milliseconds(3))
            }
            mutating func handleCast(_ cast: Cast) -> Next {
                last = now()
                return .wait(idle: .milliseconds(3))
            }
            mutating func handleInfo(_ info: Info<Never>) -> Next {
                if case .timeout = info { gaps.append(now() - last) }
                return .wait
            }
        }
        try await explore(seeds: 0..<200) { test in
            let idler = try await Idler.start { test.clock.now }
            for pause in [1, 3, 2, 4] {
                idler.cast(.poke)
                try await test.clock.sleep(for: .milliseconds(pause))
            }
            let gaps = try await idler.call { .idles($0) }
            try #require(gaps.allSatisfy { $0 >= .milliseconds(3) }, "\(gaps)")
            try #require((1...2).contains(gaps.count), "\(gaps)")
            try await idler.stop()
            test.assertNothingLeft()
        }
    }

    @Test("servers that are killed while others call them: every call ends, every book balances")
    func killsEverywhere() async throws {
        let faults = FaultPlan.killing(everyMessages: 7) + .delaying(everyMessages: 5, upTo: .seconds(6))
        try await explore(seeds: 0..<300, faults: faults) { test in
            let desks = try await [Desk.start(), Desk.start(), Desk.start()]
            await withTaskGroup(of: Void.self) { group in
                for (index, desk) in desks.enumerated() {
                    group.addTask {
                        for number in 0..<6 {
                            desk.cast(.note(number))
                            let next = desks[(index + 1) % 3]
                            _ = try? await desk.ask { state, from in
                                state.held.append(from)
                                next.cast(.note(number))
                                Desk.current.sendAfter(.milliseconds(1), -1)
                                return .wait
                            }
                        }
                    }
                }
            }
        }
    }
}
