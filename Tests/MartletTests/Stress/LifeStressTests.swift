// SPDX-License-Identifier: Apache-2.0
// Births and deaths under load: nothing lost, nothing left, every call ends once.

import Testing

@testable import Martlet

@Suite("Stress: life and death", .tags(.stress), .timeLimit(.minutes(5)))
struct LifeStressTests {
    @Test("100,000 servers start and stop, and nothing is left", .tags(.leak))
    func cycles() async throws {
        try await withRuntime { test in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask(executorPreference: test.runtime.executor) {
                        for count in 0..<25_000 {
                            let counter = try await Counter.start(count)
                            try await counter.stop()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(test.runtime.statistics.spawns == 100_000)
            #expect(test.runtime.statistics.exits == 100_000)
        }
    }

    @Test(
        "calls that race with a kill end exactly once, with the reply or the death", .tags(.leak),
        arguments: [false, true])
    func killed(inPlace: Bool) async throws {
        let census = Census()
        try await withRuntime { test in
            var all: [String: Int] = [:]
            for _ in 0..<400 {
                let outcomes =
                    inPlace ? try await race(InPlaceDesk.self, census) : try await race(Desk.self, census)
                all.merge(outcomes, uniquingKeysWith: +)
            }
            #expect(all.values.reduce(0, +) == 3_200)
            #expect(Set(all.keys).isSubset(of: ["none", "exited: killed", "no process"]), "\(all)")
            await test.settle()
            #expect(census.alive == 0)
        }
    }

    private func race<D>(_: Scripted<D>.Type, _ census: Census) async throws -> [String: Int] {
        let server = try await Scripted<D>.begin { [census] in
            let tracked = Tracked(census)
            $0.proceed = { _ in
                _ = tracked
                return .wait
            }
        }
        return await withTaskGroup(of: String.self) { group in
            for index in 0..<8 {
                group.addTask {
                    if index == 4 { server.pid.kill() }
                    let tracked = Tracked(census)
                    return await reason {
                        try await server.ask(timeout: nil) { _, from in
                            _ = tracked
                            return from.reply(1)
                        }
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    @Test("calls that race with a stop, a throw or an exit end exactly once", arguments: ["stop", "throw", "exit"])
    func ended(by end: String) async throws {
        try await withRuntime { _ in
            var count = 0
            for _ in 0..<300 {
                let server = try await Desk.begin()
                let outcomes = await withTaskGroup(of: String.self) { group in
                    for index in 0..<8 {
                        group.addTask {
                            if index == 4 {
                                switch end {
                                case "stop": server.tell { _ in .stop(.shutdown) }
                                case "throw": server.tell { _ in throw ExitSignal(.shutdown) }
                                default: server.pid.exit(.shutdown)
                                }
                            }
                            return await reason { try await server.ask(timeout: nil) { $1.reply(1) } }
                        }
                    }
                    return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
                }
                count += outcomes.values.reduce(0, +)
                #expect(Set(outcomes.keys).isSubset(of: ["none", "exited: shutdown", "no process"]), "\(outcomes)")
            }
            #expect(count == 2_400)
        }
    }

    @Test("castWaiting races with kills: each sender hears how it went, and the books balance", .tags(.leak))
    func waitersKilled() async throws {
        let census = Census()
        try await withRuntime { _ in
            for _ in 0..<200 {
                let options = StartOptions(mailbox: .bounded(2, whenFull: .reject))
                let server = try await Desk.begin(options: options)
                let outcomes = await withTaskGroup(of: String.self) { group in
                    for index in 0..<10 {
                        group.addTask {
                            if index == 5 { server.pid.kill() }
                            let tracked = Tracked(census)
                            return await reason {
                                try await server.castWaiting(
                                    .tell { _ in
                                        _ = tracked
                                        return .wait
                                    }, timeout: nil)
                            }
                        }
                    }
                    return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
                }
                #expect(Set(outcomes.keys).isSubset(of: ["none", "no process"]), "\(outcomes)")
            }
        }
        #expect(census.alive == 0)
    }
}
