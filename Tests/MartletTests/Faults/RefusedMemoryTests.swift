// SPDX-License-Identifier: Apache-2.0
// F19, what Swift makes of memory that runs out. Each allocation of the core by itself: allocation_sweep_check.c.

import Martlet
import Testing

@Suite("F19: memory that runs out")
struct RefusedMemoryTests {
    @Test("F19: a start without memory throws systemLimit, and succeeds when memory is back")
    func start() async {
        await #expect(processExitsWith: .success) {
            let before = try await Counter.start(1)
            var started = 0, refused = false
            _CoreMemory.beginRefusing()
            // The stock of free slots and nodes first.
            while !refused && started < 100_000 {
                do throws(StartError) {
                    _ = try await Counter.start(started)
                    started += 1
                } catch {
                    guard case .systemLimit = error else { throw error }
                    refused = true
                }
            }
            _CoreMemory.endRefusing()
            precondition(refused)
            let after = try await Counter.start(2)
            let counts = (try await before.get(), try await after.get())
            precondition(counts == (1, 2))
            await Runtime.shared.shutdown()
            // The refused one may have been born, and found no memory for its state.
            let statistics = Runtime.shared.statistics, refusedBirths = Int(statistics.spawns) - started - 2
            precondition(statistics.processes == 0 && (0...1).contains(refusedBirths))
        }
    }
}
