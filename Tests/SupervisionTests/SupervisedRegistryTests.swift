// SPDX-License-Identifier: Apache-2.0
// A registry in a tree, before its users.

import Martlet
import MartletTestKit
import Testing

private let workers = Registry<String, Void>("supervised.workers")

@Suite("A supervised registry")
struct SupervisedRegistryTests {
    @Test("killed, it comes again with the entries it had; a server by key comes again under its key (R18, R20, S23)")
    func restarts() async throws {
        try await explore(seeds: 0..<500) { test in
            let journal = Journal()
            let name = Worker.Name.via(workers, "w")
            let tree = try await Supervisor.start {
                workers.child
                Worker.child(Worker.Setup(id: "w", journal: journal), name: name)
            }
            let first = try #require(name.ref)
            let registry = try #require(test.processes.first { $0.status?.label == "supervised.workers" })
            // Whichever is first, at the same time.
            async let one: Void = registry.kill()
            async let other: Void = { if test.seed % 2 == 0 { first.pid.kill() } }()
            _ = await (one, other)
            await test.clock.runUntilIdle()
            let second = try #require(name.ref)
            try #require((second == first) == (test.seed % 2 == 1) && workers.count == 1)
            second.pid.kill()
            await test.clock.runUntilIdle()
            let third = try #require(name.ref)
            try #require(third != second && workers.count == 1 && workers.keys(of: third.pid) == ["w"])
            try await tree.stop()
            try #require(name.ref == nil && workers.count == 0)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
