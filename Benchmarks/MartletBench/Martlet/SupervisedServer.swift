// SPDX-License-Identifier: Apache-2.0
// `supervise`: children of a supervisor, started in a list or one by one, and started again when they fail.

import Martlet
import MartletBenchCore

struct SupervisedServer: GenServer {
    enum Cast { case fail }
    struct Failure: Error {}

    /// Of the child that fails: when it threw, and how long the next one took to be there.
    private let restarts: RestartClock?

    init(_ restarts: RestartClock?) {
        self.restarts = restarts
        restarts?.isThere()
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        restarts?.throwsNow()
        throw Failure()
    }
}

/// Times restarts; written by one incarnation after the other.
final class RestartClock: Sendable {
    private let thrown = Box<UInt64>(0)
    private let total = Box<UInt64>(0)
    private let waiter = Box<Latch?>(nil)

    var nanoseconds: UInt64 { total.value }

    func throwsNow() { thrown.value = MonotonicClock.now() }

    func isThere() {
        let now = MonotonicClock.now()
        if thrown.value > 0 { total.value += now - thrown.value }
        waiter.value?.arrive()
    }

    func expect() -> Latch {
        let latch = Latch(1)
        waiter.value = latch
        return latch
    }
}

extension SupervisedServer {
    static func drive(_ kind: Workload.Supervising, _ run: Run) async throws -> Outcome {
        switch kind {
        case .list: try await list(run)
        case .dynamic: try await dynamic(run, tasks: 1)
        case .dynamicCrowd: try await dynamic(run, tasks: 64)
        case .restart: try await restart(run)
        }
    }

    private static func list(_ run: Run) async throws -> Outcome {
        let specs = (0..<run.operations).map { child(nil, id: "\($0)") }
        let started = MonotonicClock.now()
        let tree = try await Supervisor.start { specs }
        let ready = MonotonicClock.now()
        try WrongResult.unless(try await tree.counts().active, is: run.operations, "children")
        try await tree.stop(.shutdown)
        let stopped = MonotonicClock.now()
        return Outcome(
            operations: run.operations, nanoseconds: ready - started,
            extra: ["stop_ns_each": Double(stopped - ready) / Double(run.operations)])
    }

    private static func dynamic(_ run: Run, tasks: Int) async throws -> Outcome {
        let supervisor = try await DynamicSupervisor.start(.init())
        let memoryBefore = ResidentMemory.current
        let started = MonotonicClock.now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask(executorPreference: Runtime.shared.executor) {
                    for _ in stride(from: task, to: run.operations, by: tasks) {
                        try await supervisor.start(SupervisedServer.self, nil)
                    }
                }
            }
            try await group.waitForAll()
        }
        let ready = MonotonicClock.now()
        let memory = ResidentMemory.current - min(memoryBefore, ResidentMemory.current)
        try WrongResult.unless(try await supervisor.counts().active, is: run.operations, "children")
        let stopping = MonotonicClock.now()
        try await supervisor.stop(.shutdown)
        let stopped = MonotonicClock.now()
        return Outcome(
            operations: run.operations, nanoseconds: ready - started,
            extra: [
                "bytes_each": Double(memory) / Double(run.operations),
                "stop_ns_each": Double(stopped - stopping) / Double(run.operations),
            ])
    }

    private static func restart(_ run: Run) async throws -> Outcome {
        let clock = RestartClock()
        let name: Name = "bench.restarted"
        let tree = try await Supervisor.start(maxRestarts: .max) { child(clock, name: name) }
        for _ in 0..<run.operations {
            let latch = clock.expect()
            name.cast(.fail)
            _ = await latch.wait()
        }
        try WrongResult.unless(try await tree.children()[0].restarts, is: run.operations, "restarts")
        try await tree.stop(.shutdown)
        return Outcome(operations: run.operations, nanoseconds: clock.nanoseconds)
    }
}
