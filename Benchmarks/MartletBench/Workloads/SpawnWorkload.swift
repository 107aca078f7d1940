// SPDX-License-Identifier: Apache-2.0
// `spawn`: what it costs to start a server, to have it, and to stop it. Runs in a process of its own.

import MartletBenchCore
import Synchronization

/// Servers that wait for something to do.
protocol Population: Sendable {
    /// The server's own answer to who it is: its index.
    func identity(at index: Int) async throws -> Int
    /// Stops all of them and waits until they are gone.
    func stop() async throws
}

/// Counts the servers that exist, by their own word: one `enter` each when it starts, one `leave` when it is gone.
final class Census: Sendable {
    private let alive = Atomic<Int>(0)

    // Relaxed: statistics; the spawner waits by other means before it looks.
    func enter() { alive.wrappingAdd(1, ordering: .relaxed) }
    func leave() { alive.wrappingSubtract(1, ordering: .relaxed) }
    var count: Int { alive.load(ordering: .relaxed) }
}

enum SpawnWorkload {
    /// Servers asked who they are before all are stopped.
    private static let questions = 100

    /// `start` makes the servers and returns when all of them are ready for a message.
    static func drive<Servers: Population>(
        _ run: Run, start: @Sendable (_ servers: Int, _ census: Census) async throws -> Servers
    ) async throws -> Outcome {
        let census = Census()
        let memoryBefore = ResidentMemory.current
        let started = MonotonicClock.now()
        let population = try await start(run.operations, census)
        let ready = MonotonicClock.now()
        let memoryAfter = ResidentMemory.current
        try WrongResult.unless(census.count, is: run.operations, "servers alive")
        for index in stride(from: 0, to: run.operations, by: max(run.operations / questions, 1)) {
            try WrongResult.unless(try await population.identity(at: index), is: index, "identity of a server")
        }
        let stopping = MonotonicClock.now()
        try await population.stop()
        let stopped = MonotonicClock.now()
        try WrongResult.unless(census.count, is: 0, "servers alive after they were stopped")
        let count = Double(run.operations)
        let memory = memoryAfter > memoryBefore ? memoryAfter - memoryBefore : 0
        return Outcome(
            operations: run.operations, nanoseconds: ready - started,
            extra: ["bytes_each": Double(memory) / count, "stop_ns_each": Double(stopped - stopping) / count])
    }
}
