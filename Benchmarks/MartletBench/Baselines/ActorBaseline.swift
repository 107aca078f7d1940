// SPDX-License-Identifier: Apache-2.0
// `baseline.actor`: Swift's own actors. What every other figure is compared with.
//
// To cast to an actor from synchronous code is to make a task that calls it; there is no other way, and no order among
// such tasks. An actor has no mailbox that could be bounded: its backpressure is to wait for each message's handling.

import MartletBenchCore

actor ActorServer<State: ServerState>: BaselineServer {
    private var state: State

    init(_ state: State) {
        self.state = state
    }

    private func receive(_ message: State.Message) {
        state.handle(message)
    }

    nonisolated func send(_ message: State.Message) {
        Task { await self.receive(message) }
    }

    func finish() async -> State {
        state.retire()
        return state
    }
}

struct ActorBaseline: Baseline {
    typealias TallyServer = ActorServer<Tally>
    typealias RelayServer = ActorServer<Relay>

    let name = "baseline.actor"

    func call(clients: Int) -> Trial {
        .run { run in
            try await CallWorkload.drive(Called(), clients: clients, run, checksHop: true)
        }
    }

    func spawn() -> Trial {
        .run { run in
            try await SpawnWorkload.drive(run) { count, census in
                Actors(actors: (0..<count).map { Idle($0, census) })
            }
        }
    }

    func timerCancel() -> Trial {
        .run { run in try await TimerWorkload.driveCancel(run) { SleepingTasks($0, expected: run.operations) } }
    }

    func timerFire() -> Trial {
        .run { run in try await TimerWorkload.driveFire(run) { SleepingTasks($0, expected: run.operations) } }
    }

    func lookup(churn: Bool) -> Trial {
        .run { run in try await LookupWorkload.drive(async: Names(), churn: churn, run) }
    }

    func backpressure(_ policy: Workload.Overload) -> Trial {
        switch policy {
        case .unbounded:
            return .run { run in
                let drained = Latch(1)
                let server = ActorServer(Worker(expected: run.operations, drained: drained))
                return try await BackpressureWorkload.drive(Flooded(server: server, drained: drained), run)
            }
        case .wait:
            return .run { run in try await BackpressureWorkload.drive(async: Working(), run) }
        case .reject, .dropOldest:
            return .skipped("an actor's queue has no bound")
        }
    }
}

extension ActorBaseline {
    private actor Counter {
        private(set) var count = 0

        func increment() -> Int {
            count += 1
            return count
        }
    }

    private struct Called: CallTarget {
        private let counter = Counter()

        nonisolated(nonsending) func increment() async -> Int { await counter.increment() }
        func finish() async -> Int { await counter.count }
    }

    private actor Idle {
        let index: Int
        private let census: Census

        init(_ index: Int, _ census: Census) {
            self.index = index
            self.census = census
            census.enter()
        }

        deinit {
            census.leave()
        }

        func identity() -> Int { index }
    }

    /// Actors that nobody asks.
    ///
    /// Stopping an actor is to drop it.
    private final class Actors: Population {
        private let actors: Box<[Idle]>

        init(actors: [Idle]) {
            self.actors = Box(actors)
        }

        func identity(at index: Int) async -> Int { await actors.value[index].identity() }
        func stop() { actors.value = [] }
    }

    private actor Names: AsyncDirectory {
        private var entries: [String: Int] = [:]

        func register(_ name: String, _ value: Int) { entries[name] = value }
        func unregister(_ name: String) { entries[name] = nil }
        func lookup(_ name: String) -> Int? { entries[name] }
        func finish() {}
    }

    private struct Flooded: PressureTarget {
        let server: ActorServer<Worker>
        let drained: Latch

        func offer() -> Delivery {
            server.send(0)
            return .accepted
        }

        func finish() async -> Int {
            await drained.wait()
            return await server.finish().count
        }
    }

    private actor Working: AsyncPressureTarget {
        private var worker = Worker()

        func offer() -> Delivery {
            worker.handle(0)
            return .accepted
        }

        func finish() -> Int { worker.count }
    }
}
