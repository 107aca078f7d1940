// SPDX-License-Identifier: Apache-2.0
// What a probe takes, and what it fails with.

import Martlet
import MartletTestKit
import Testing

@Suite("Probe")
struct ProbeTests {
    @Test("it takes messages in order, and waits for those that are late")
    func takes() async throws {
        try await withTestRuntime { test in
            let probe = Probe(Int.self)
            probe.ref.send(1)
            probe.ref.sendAfter(.milliseconds(900), 2)
            try await probe.expect(1)
            #expect(try await probe.expect() == 2)
            #expect(test.clock.now == .milliseconds(900))
            try await probe.expectNone(for: .seconds(10))
            #expect(test.clock.now == .milliseconds(10_900))
        }
    }

    @Test("it fails with what came instead")
    func fails() async throws {
        try await withTestRuntime { _ in
            let probe = Probe(Int.self)
            var failures: [String] = []
            do { try await probe.expect(7) } catch { failures.append("\(error)") }
            probe.ref.send(8)
            do { try await probe.expect(7) } catch { failures.append("\(error)") }
            probe.ref.send(9)
            do { try await probe.expectNone(for: .seconds(1)) } catch { failures.append("\(error)") }
            #expect(failures.count == 3)
            #expect(failures[0].contains("expected 7") && failures[0].contains("got nothing"))
            #expect(failures[1].contains("got 8") && failures[2].contains("got 9"))
            #expect(failures[0].contains("ProbeTests.swift:"))
        }
    }

    @Test("it hears once of each watched end, with its reason; of one that is gone, .noProcess")
    func watches() async throws {
        try await explore(seeds: 0..<50) { _ in
            let probe = Probe(Never.self)
            let killed = try await Counter.start(0)
            let thrown = try await Desk.start()
            probe.watch(killed.pid)
            probe.watch(thrown.pid)
            killed.pid.kill()
            thrown.cast(.tell { _ in throw Failure() })
            guard case .error(let error) = try await probe.expectDown(of: thrown.pid) else { throw Failure() }
            try #require(error is Failure)
            guard case .killed = try await probe.expectDown(of: killed.pid) else { throw Failure() }
            probe.watch(killed.pid)
            guard case .noProcess = try await probe.expectDown(of: killed.pid) else { throw Failure() }
            await #expect(throws: ProbeFailure.self) { try await probe.expectDown(of: killed.pid) }
        }
    }

    @Test("it works on a runtime of threads")
    func threads() async throws {
        let runtime = Runtime()
        try await runtime.withCurrent {
            let probe = Probe(Int.self)
            probe.ref.send(1)
            try await probe.expect(1, within: .seconds(20))
            try await probe.expectNone(for: .milliseconds(1))
            let counter = try await Counter.start(0)
            probe.watch(counter.pid)
            counter.pid.kill()
            guard case .killed = try await probe.expectDown(of: counter.pid, within: .seconds(20)) else {
                throw Failure()
            }
            try await eventually { !counter.pid.isAlive }
        }
        await runtime.shutdown()
    }

    @Test("eventually waits in the runtime's time and fails after its limit")
    func eventuallyFails() async throws {
        try await withTestRuntime { test in
            let desk = try await Desk.start()
            desk.sendAfter(.milliseconds(700), 1)
            try await eventually { try await desk.call { .seen($0) } == [1] }
            #expect(test.clock.now >= .milliseconds(700))
            await #expect(throws: ProbeFailure.self) { try await eventually(within: .seconds(60)) { false } }
        }
    }
}
