// SPDX-License-Identifier: Apache-2.0
// Each fault happens, where it should and not elsewhere, and is repeated by its seed.

import Martlet
import MartletTestKit
import Testing

@Suite("FaultPlan")
struct FaultPlanTests {
    @Test("the n-th message throws: its call fails with the fault, terminate runs, the crash is captured")
    func throwing() async throws {
        for n in 1...5 {
            try await withTestRuntime(faults: .throwing(atMessage: n)) { test in
                let counter = try await Counter.start(0)
                var replies = 0
                do throws(CallError) {
                    for _ in 0..<5 { replies = try await counter.call { .increment(by: 1, $0) } }
                    Issue.record("expected a failed call")
                } catch {
                    guard case .exited(.error(let fault)) = error.reason else { throw error }
                    #expect(fault is InjectedFault)
                }
                #expect(replies == n - 1)
                #expect(test.crashes.count == 1)
                #expect(
                    test.crashes.first?.pid == counter.pid && test.crashes.first?.server.hasSuffix("Counter") == true)
                test.assertNothingLeft()
            }
        }
    }

    @Test("servers are killed before every n-th message, raw processes and probes never")
    func killing() async throws {
        try await explore(seeds: 0..<1_000, faults: .killing(everyMessages: 3)) { test in
            let probe = Probe(Int.self)
            let raw = spawn(Int.self) { mailbox in while true { probe.ref.send(try await mailbox.receive()) } }
            let desks = try await [Desk.start(), Desk.start()]
            for number in 0..<10 {
                for desk in desks { desk.cast(.note(number)) }
                raw.send(number)
            }
            await test.clock.runUntilIdle()
            try #require(desks.allSatisfy { !$0.pid.isAlive } && raw.pid.isAlive)
            for number in 0..<10 { try await probe.expect(number) }
            try #require(test.crashes.isEmpty)
        }
    }

    @Test("time passes before every n-th message though there is work: calls time out")
    func delaying() async throws {
        var timeouts = 0
        for seed in 0..<50 {
            let faults = FaultPlan.delaying(everyMessages: 2, upTo: .seconds(9))
            timeouts += try await withTestRuntime(seed: UInt64(seed), faults: faults) { test in
                let desk = try await Desk.start()
                var timeouts = 0
                for _ in 0..<4 {
                    do throws(CallError) {
                        _ = try await desk.ask { state, from in
                            state.held.append(from)
                            Desk.current.cast(.tell { $0.held.removeFirst().reply(1) })
                            return .wait
                        }
                    } catch { if case .timeout = error.reason { timeouts += 1 } else { throw error } }
                }
                return timeouts
            }
        }
        #expect(timeouts > 0 && timeouts < 200)
    }

    @Test("a plan is part of the run: same seed and plan, same trace")
    func repeated() async throws {
        let faults =
            FaultPlan.killing(everyMessages: 9) + .delaying(everyMessages: 4) + .overflowing(everyMessages: 3)
            + .throwing(atMessage: 5)
        for seed in 0..<20 {
            var traces: Set<UInt64> = []
            for _ in 0..<5 {
                traces.insert(
                    try await withTestRuntime(seed: UInt64(seed), faults: faults) { test in
                        let options = StartOptions(mailbox: .bounded(4, whenFull: .dropOldest))
                        let desks = try await [Desk.start((), options: options), Desk.start(), Desk.start()]
                        await withTaskGroup(of: Void.self) { group in
                            for number in 0..<6 {
                                for desk in desks {
                                    group.addTask {
                                        desk.cast(.note(number))
                                        _ = try? await desk.call(timeout: .seconds(1)) { .seen($0) }
                                    }
                                }
                            }
                        }
                        return test.trace
                    })
            }
            #expect(traces.count == 1, "seed \(seed)")
        }
    }
}
