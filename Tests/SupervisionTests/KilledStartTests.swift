// SPDX-License-Identifier: Apache-2.0
// A supervisor that is killed while it starts: nothing waits for ever.

import MartletTestKit
import Testing

@testable import Martlet

/// Counts what has not ended.
private final class Token: Sendable {
    private let alive: _Locked<Int>
    init(_ alive: _Locked<Int>) {
        self.alive = alive
        alive.withLock { $0 += 1 }
    }
    deinit { alive.withLock { $0 -= 1 } }
}

@Suite("Killed start")
struct KilledStartTests {
    @Test("a supervisor killed at any moment of its start leaves no task behind", .timeLimit(.minutes(5)))
    func leavesNothing() async throws {
        let alive = _Locked(0)
        try await explore(seeds: 0..<3_000) { test in
            let journal = Journal()
            let name: Supervisor.Name = "killed start"
            let token = Token(alive)
            let starting = Task { [token] in
                try? await Supervisor.start(name: name) {
                    for id in ["a", "b", "c"] {
                        Worker.child(id, journal).with { [token] in
                            let start = $0.start
                            $0.start = {
                                _ = token
                                return try await start()
                            }
                        }
                    }
                }
            }
            for _ in 0..<test.seed % 40 { await Task.yield() }
            name.ref?.pid.kill()
            _ = await starting.value
            name.ref?.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
        #expect(alive.withLock { $0 } == 0)
    }

    @Test("the same on threads, with servers that start on others", .timeLimit(.minutes(5)))
    func onThreads() async throws {
        let alive = _Locked(0)
        let runtime = Runtime()
        let journal = Journal()
        await runtime.withCurrent {
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask(executorPreference: runtime.executor) {
                        var random = SplitMix(state: UInt64(worker))
                        for _ in 0..<2_000 { await Self.startAndKill(alive, journal, worker, &random) }
                    }
                }
            }
        }
        await runtime.shutdown()
        // Who is killed in a suspended `init` has ended a moment before its task is told.
        try await eventually(within: .seconds(60)) { alive.withLock { $0 } == 0 }
    }

    private static func startAndKill(
        _ alive: _Locked<Int>, _ journal: Journal, _ worker: Int, _ random: inout SplitMix
    ) async {
        let name = Supervisor.Name("killed start \(worker)")
        let token = Token(alive)
        let starting = Task(executorPreference: Runtime.current.executor) { [token] in
            try? await Supervisor.start(name: name) {
                for id in 0..<10 {
                    Worker.child(.init(id: "\(id)", journal: journal), id: "\(id)").with { [token] in
                        let start = $0.start
                        $0.start = {
                            _ = token
                            return try await start()
                        }
                    }
                }
            }
        }
        while name.ref == nil { await Task.yield() }
        for _ in 0..<random.next() % 20 { await Task.yield() }
        let pid = name.ref?.pid
        pid?.kill()
        _ = await starting.value
        _ = try? await pid?.waitForExit()
    }
}
