// SPDX-License-Identifier: Apache-2.0
// The end of a runtime.

import Testing

@testable import Martlet

@Suite("Shutdown", .timeLimit(.minutes(5)))
struct ShutdownTests {
    @Test("shutdown stops every process in order, and returns an empty report")
    func inOrder() async throws {
        let runtime = Runtime()
        let census = Census()
        try await runtime.withCurrent {
            for _ in 0..<1_000 {
                let tracked = Tracked(census)
                _ = try await Desk.begin { $0.terminate = { _, _ in _ = tracked } }
            }
        }
        let report = await runtime.shutdown()
        #expect(report.stuck.isEmpty)
        #expect(runtime.statistics.processes == 0)
        #expect(runtime.statistics.exits == 1_000)
        #expect(census.alive == 0)
    }

    @Test("after it starts throw shutDown, calls and casts find no process, and nothing hangs")
    func afterwards() async throws {
        let runtime = Runtime()
        try await runtime.withCurrent {
            let name: Counter.Name = "after"
            let server = try await Counter.start(1, name: name)
            await runtime.shutdown()
            do throws(StartError) {
                _ = try await Counter.start(1)
                Issue.record("expected shutDown")
            } catch {
                guard case .shutDown = error else { throw error }
            }
            #expect(await reason { try await server.get() } == "no process")
            #expect(await reason { try await name.get() } == "no process")
            #expect(await reason { try await server.stop() } == "no process")
            #expect(server.cast(.reset) == .noProcess)
            #expect("\(try await server.pid.waitForExit())" == "no process")
            // Tasks go on, on Swift's own pool.
            #expect(await Task(executorPreference: runtime.executor) { 7 }.value == 7)
        }
    }

    @Test("a second shutdown returns the first one's report, also at the same time")
    func twice() async throws {
        let runtime = Runtime()
        _ = try await runtime.withCurrent { try await Counter.start(1) }
        async let first = runtime.shutdown()
        async let second = runtime.shutdown()
        let reports = [await first, await second, await runtime.shutdown()]
        #expect(Set(reports.map(\.duration)).count == 1)
    }

    @Test("a process that does not end by the deadline is killed and reported")
    func stuck() async throws {
        let runtime = Runtime()
        let gate = Gate()
        let server = try await runtime.withCurrent { try await Desk.begin() }
        await server.hold(at: gate)
        let report = await runtime.shutdown(deadline: .milliseconds(50))
        #expect(report.stuck.map(\.pid) == [server.pid])
        await eventually { !server.pid.isAlive }
        gate.open()
    }

    @Test("a shutdown while 100 callers wait fails each call once")
    func callersWait() async throws {
        let runtime = Runtime()
        let server = try await runtime.withCurrent { try await Desk.begin() }
        let reasons = await withTaskGroup(of: String.self) { group in
            for _ in 0..<100 {
                group.addTask { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
            }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 100 }
            await runtime.shutdown()
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(reasons.values.reduce(0, +) == 100)
        #expect(reasons["none"] == nil)
    }
}
