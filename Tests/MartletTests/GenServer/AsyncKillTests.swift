// SPDX-License-Identifier: Apache-2.0
// Kills and exit signals that meet a suspended callback: heard at once, cancel it, and fence it off.

import Testing

@testable import Martlet

@Suite("Kill of a suspended callback", .tags(.parity), .timeLimit(.minutes(5)))
struct AsyncKillTests {
    @Test("running, queued and deferred calls fail at once, and what the callback waits for is cancelled (R3, R13)")
    func kill() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin { $0.terminate = { _, _ in Issue.record("no last words") } }
            let record = Record()
            let deferred = Task { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 1 }
            let running = Task {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        do { try await gate.pass() } catch {
                            record.add("\(error), cancelled: \(Task.isCancelled)")
                            throw error
                        }
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            // On a worker, which sleeps when the call is in the mailbox; it is counted a moment before.
            let queued = Task(executorPreference: test.runtime.executor) {
                await reason { try await server.ask(timeout: nil) { $1.reply(1) } }
            }
            await test.settle()
            let exit = Task { "\(try await server.pid.waitForExit())" }
            server.pid.kill()
            for call in [running, queued, deferred] { #expect(await call.value == "exited: killed") }
            #expect(["killed", "no process"].contains(try await exit.value))
            #expect(await reason { try await server.ask { $1.reply(1) } } == "no process")
            await eventually { record.all == ["CancellationError(), cancelled: true"] }
        }
    }

    @Test("a callback that ignores the cancellation goes on unheard: it can neither send, start nor call")
    func fenced() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let other = try await AsyncDesk.begin()
            let server = try await AsyncDesk.begin()
            let record = Record()
            server.tell { _ in
                await gate.passDeaf()
                record.add("\(other.cast(.note(1)))")
                do throws(StartError) { _ = try await AsyncDesk.begin() } catch { record.add("no start") }
                record.add(await reason { try await other.ask { $1.reply(1) } })
                return .wait
            }
            await gate.arrived()
            server.pid.kill()
            _ = try await server.pid.waitForExit()
            let spawns = test.runtime.statistics.spawns
            gate.open()
            await eventually { record.count == 3 }
            #expect(record.all[0] == "noProcess")
            #expect(record.all[1] == "no start")
            #expect(["no process", "cancelled"].contains(record.all[2]))
            #expect(test.runtime.statistics.spawns == spawns)
            #expect(try await other.call { .seen($0) } == [])
        }
    }

    @Test("an exit signal ends it with its reason, and one that is normal does not (R13)")
    func exitSignal() async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            let call = Task {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        try await gate.pass()
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            server.pid.exit(.normal)
            #expect(server.pid.isAlive)
            server.pid.exit(.error(Failure()))
            #expect(await call.value == "exited: error (Failure)")
        }
    }

    @Test("a callback that waits in a call, for room, a start, or an exit, hears of the kill there", arguments: 0..<4)
    func waits(_ place: Int) async throws {
        try await withRuntime { test in
            let silent = try await AsyncDesk.begin(options: StartOptions(mailbox: .bounded(1, whenFull: .reject)))
            let gate = AsyncGate()
            await silent.hold(at: gate)
            if place == 1 { silent.cast(.note(0)) }
            let server = try await AsyncDesk.begin()
            let record = Record()
            let entered = AsyncGate()
            entered.open()
            server.tell { _ in
                try await entered.pass()
                switch place {
                case 0: record.add(await reason { try await silent.ask(timeout: nil) { $1.reply(1) } })
                case 1: record.add(await reason { try await silent.castWaiting(.note(1), timeout: nil) })
                case 2:
                    record.add(
                        await reason { try await AsyncDesk.begin { $0.begin = { _ in try await gate.pass() } } })
                default: record.add(await reason { try await silent.pid.waitForExit() })
                }
                return .wait
            }
            await entered.arrived()
            await test.settle()
            server.pid.kill()
            await eventually { record.count == 1 }
            #expect(["cancelled", "exited: killed", "CancellationError()", "no process"].contains(record.all[0]))
            gate.open(2)
        }
    }

    @Test("1,000 suspended callbacks killed at once: each is cancelled, each watcher told, the slots used again")
    func stampede() async throws {
        try await withRuntime { test in
            let census = Census()
            let gate = AsyncGate()
            for _ in 0..<3 {
                var servers: [AsyncDesk.Ref] = []
                let before = gate.arrivals
                for _ in 0..<1_000 {
                    let server = try await AsyncDesk.begin()
                    let tracked = Tracked(census)
                    server.tell { _ in
                        _ = tracked
                        try await gate.pass()
                        return .wait
                    }
                    servers.append(server)
                }
                await gate.arrived(before + 1_000)
                await withTaskGroup(of: Void.self) { group in
                    for server in servers { group.addTask { server.pid.kill() } }
                }
                for server in servers {
                    let reason = try await server.pid.waitForExit()
                    #expect(["killed", "no process"].contains("\(reason)"))
                }
                await eventually { census.alive == 0 }
            }
        }
    }

    @Test("a kill that meets the callback's end has one winner, and the books balance", .tags(.stress))
    func race() async throws {
        try await withRuntime { test in
            for round in 0..<2_000 {
                let server = try await AsyncDesk.begin()
                async let call = reason {
                    try await server.ask(timeout: nil) { _, from in
                        await Task.yield()
                        return from.reply(1)
                    }
                }
                if round % 3 == 0 { await Task.yield() }
                server.pid.kill()
                #expect(["none", "exited: killed", "no process"].contains(await call))
            }
        }
    }
}
