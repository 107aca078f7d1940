// SPDX-License-Identifier: Apache-2.0
// F19, what a configuration limits; memory: RefusedMemoryTests.swift, allocation_sweep_check.c.

import Martlet
import MartletFaults
import Testing

@Suite("F19: limits", .tags(.stress), .timeLimit(.minutes(5)))
struct LimitsTests {
    @Test("F19: a process over the limit is an error, and there is room again when one has ended")
    func limits() async { expectNoViolation(await Limits.run(processes: 200)) }

    @Test("F19: whoever hears of an end, however he hears of it, finds its place free")
    func placeIsFree() async throws {
        try await withRuntime(configure: { $0.processesMax = 2 }) { test in
            try await withProcess(receiving: Never.self) { mailbox in
                let name: Desk.Name = "only"
                for round in 0..<300 {
                    let desk = try await Desk.begin(name: name)
                    // What it does not come to any more takes no longer to clear than it is looked for.
                    for number in 0..<round { desk.cast(.note(number)) }
                    switch round % 5 {
                    case 0: try await desk.stop()
                    case 1:
                        desk.pid.kill()
                        _ = try await desk.pid.waitForExit()
                    case 2: _ = await reason { try await desk.ask { _, _ in throw Failure() } }
                    case 3:
                        let monitor = desk.monitor()
                        desk.pid.exit(.shutdown)
                        guard case .down(monitor, _, _) = try await mailbox.receiveInfo() else {
                            Issue.record("expected the end")
                            return
                        }
                    default:
                        try await desk.stop()
                        _ = await reason { try await Desk.begin(name: name) { $0.begin = { _ in throw Failure() } } }
                    }
                }
            }
        }
    }

    @Test("F19: who is told that a name is taken finds the place of its own try free")
    func nameTaken() async throws {
        try await withRuntime(configure: { $0.processesMax = 2 }) { test in
            let name: Desk.Name = "taken"
            let holder = try await Desk.begin(name: name)
            for _ in 0..<300 {
                #expect(await reason { try await Desk.begin(name: name) } == "already started: \(holder.pid)")
            }
        }
    }
}
