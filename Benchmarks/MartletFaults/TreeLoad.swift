// SPDX-License-Identifier: Apache-2.0
// The tasks of the tree soak: callers, and those who crash, kill, come and go. Not its reports: TreeSoak.swift.

import Martlet

/// The load for one interval: all its tasks have ended when `run` returns, and no call is under way.
struct TreeLoad {
    let world: TreeWorld
    /// When to end.
    let deadline: UInt64
    let seed: UInt64

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let executor = Runtime.current.executor
            for number in 0..<4 {
                group.addTask(executorPreference: executor) { try await calls(SplitMix(state: seed &+ UInt64(number))) }
            }
            group.addTask(executorPreference: executor) { try await ledgerCalls(SplitMix(state: seed &+ 10)) }
            group.addTask(executorPreference: executor) { try await ends(SplitMix(state: seed &+ 11)) }
            group.addTask(executorPreference: executor) { try await houseKills(SplitMix(state: seed &+ 12)) }
            for number in 0..<Tree.guestCount {
                group.addTask(executorPreference: executor) {
                    try await guests(number, SplitMix(state: seed &+ 20 &+ UInt64(number)))
                }
            }
            for number in 0..<Tree.fuseCount {
                group.addTask(executorPreference: executor) {
                    try await fuses(number, SplitMix(state: seed &+ 40 &+ UInt64(number)))
                }
            }
            try await group.waitForAll()
        }
    }

    private func repeating(every pause: Duration, _ body: () async throws -> Void) async throws {
        while monotonicNow() < deadline {
            try await body()
            await sleep(for: pause)
        }
    }

    /// Waits by the runtime's own timers: Dispatch keeps 64 bytes of a `Task.sleep` that begins on a thread of the runtime,
    /// up to a limit a thread, and the soak would measure that.
    private func sleep(for pause: Duration) async {
        _ = try? await withProcess(receiving: Int.self) { try await $0.receive(timeout: pause) }
    }

    /// Adds, anywhere; whoever is being restarted is not there, and that is no fault.
    private func calls(_ random: SplitMix) async throws {
        var random = random
        try await repeating(every: .milliseconds(2)) {
            for _ in 0..<100 {
                let number = random.below(world.residentAccounts.count)
                let name = Resident.Name.via(world.residents, number)
                await world.residentAccounts[number].note {
                    _ = try await name.call(timeout: .seconds(60)) { .add($0) }
                }
                if random.below(50) == 0 { name.cast(.arm(.microseconds(random.below(30_000)))) }
            }
            world.operations.add(100)
        }
    }

    private func ledgerCalls(_ random: SplitMix) async throws {
        var random = random
        try await repeating(every: .milliseconds(2)) {
            for _ in 0..<20 {
                let number = random.below(world.ledgerAccounts.count)
                let name = Ledger.Name.via(world.ledgers, number)
                await world.ledgerAccounts[number].note { _ = try await name.call(timeout: .seconds(60)) { .add($0) } }
                switch random.below(100) {
                case 0: name.cast(.crash)
                case 1: world.ledgers.pid(number)?.kill()
                default: break
                }
            }
            world.operations.add(20)
        }
    }

    /// Crashes, kills and stops of residents.
    private func ends(_ random: SplitMix) async throws {
        var random = random
        try await repeating(every: .milliseconds(5)) {
            let number = random.below(world.residentAccounts.count)
            switch random.below(3) {
            case 0:
                Resident.Name.via(world.residents, number).cast(.crash)
                world.crashes.add()
            case 1:
                world.residents.pid(number)?.kill()
                world.kills.add()
            default: world.residents.pid(number)?.exit(.shutdown)
            }
        }
    }

    /// Kills a supervisor with its hundred children.
    private func houseKills(_ random: SplitMix) async throws {
        var random = random
        let houses = Tree(world: world).houseCount
        try await repeating(every: .milliseconds(500)) {
            world.houses.pid(random.below(houses))?.kill()
            world.houseKills.add()
        }
    }

    /// One name after another incarnation: the end of one is the place of the next.
    private func guests(_ number: Int, _ random: SplitMix) async throws {
        var random = random
        try await repeating(every: .milliseconds(3)) {
            let guest: Guest.Ref
            do throws(StartError) {
                guest = try await Tree.inn.start(
                    Guest.self, (), name: .via(world.guests, number), restart: .temporary)
            } catch { return world.fault("guest \(number) found its name taken: \(error)") }
            switch random.below(4) {
            case 0: guest.cast(.crash)
            case 1: guest.pid.kill()
            case 2: _ = try await Tree.inn.stopChild(guest.pid)
            default: try await guest.stop()
            }
            _ = try await guest.pid.waitForExit()
            world.guestLives.add()
        }
    }

    /// Up to four crashes within the window: three are allowed.
    private func fuses(_ number: Int, _ random: SplitMix) async throws {
        var random = random
        // The pause after the last round is in the interval too: each starts with an empty window.
        try await repeating(every: Tree.window + .milliseconds(200)) {
            guard let fuse = world.fuses.pid(number) else { return world.fault("fuse \(number) is not there") }
            let count = 1 + random.below(4)
            let began = monotonicNow()
            for crash in 1...count {
                guard let spark = world.sparks.pid(number) else { return world.fault("no spark \(number)") }
                Spark.Name.via(world.sparks, number).cast(.crash)
                _ = try await spark.waitForExit()
                // The fourth too: with its supervisor's next incarnation.
                if await !isBack(world.sparks, number, after: spark) {
                    return world.fault("spark \(number) did not come back after crash \(crash)")
                }
            }
            let hasGivenUp = world.fuses.pid(number) != fuse
            if count <= 3 {
                if hasGivenUp { world.fault("fuse \(number) gave up after \(count) crashes") }
                world.endured.add()
            } else if hasGivenUp {
                let reason = try await fuse.waitForExit()
                if case .shutdown = reason {
                } else if case .noProcess = reason {
                } else {
                    world.fault("fuse \(number) ended with \(reason)")
                }
                world.gaveUp.add()
                if await !isBack(world.fuses, number, after: fuse) { world.fault("fuse \(number) did not come back") }
            } else if .nanoseconds(Int64(monotonicNow() - began)) < Tree.window {
                // On a machine that stands still the window passes.
                world.fault("fuse \(number) endured \(count) crashes")
            }
        }
    }

    /// Whether within a minute another process has the key.
    private func isBack(_ registry: Registry<Int, Void>, _ key: Int, after old: Pid) async -> Bool {
        let limit = monotonicNow() + 60_000_000_000
        while monotonicNow() < limit {
            if let pid = registry.pid(key), pid != old { return true }
            await sleep(for: .milliseconds(1))
        }
        return false
    }
}

extension SplitMix {
    /// A number 0..<count; hardly biased.
    fileprivate mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
