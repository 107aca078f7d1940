// SPDX-License-Identifier: Apache-2.0
// `baseline.dispatch`: a serial queue for each server. A call is `sync`, a cast `async`.

import Dispatch
import MartletBenchCore

final class DispatchServer<State: ServerState>: BaselineServer, @unchecked Sendable {
    // @unchecked: `state` is used only on the queue.
    private var state: State
    private let queue = DispatchQueue(label: "server")

    init(_ state: State) {
        self.state = state
    }

    func send(_ message: State.Message) {
        queue.async { self.state.handle(message) }
    }

    /// Runs `body` on the queue and waits for it.
    func sync<Value>(_ body: (inout State) -> Value) -> Value {
        queue.sync { body(&state) }
    }

    func finish() async -> State {
        await withCheckedContinuation { continuation in
            queue.async {
                self.state.retire()
                continuation.resume(returning: self.state)
            }
        }
    }
}

struct DispatchBaseline: Baseline {
    typealias TallyServer = DispatchServer<Tally>
    typealias RelayServer = DispatchServer<Relay>

    let name = "baseline.dispatch"

    func call(clients: Int) -> Trial {
        .run { run in
            try await CallWorkload.drive(blocking: Called(server: DispatchServer(Tally())), clients: clients, run)
        }
    }

    func spawn() -> Trial {
        .run { run in
            try await SpawnWorkload.drive(run) { count, census in
                Queues(servers: (0..<count).map { IdleQueue($0, census) })
            }
        }
    }

    func timerCancel() -> Trial {
        .run { run in try await TimerWorkload.driveCancel(run) { TimerSources($0) } }
    }

    func timerFire() -> Trial {
        .run { run in try await TimerWorkload.driveFire(run) { TimerSources($0) } }
    }

    func lookup(churn: Bool) -> Trial {
        .run { run in try await LookupWorkload.drive(QueuedDirectory(), churn: churn, run) }
    }

    func backpressure(_ policy: Workload.Overload) -> Trial {
        if policy == .dropOldest { return .skipped("a queue cannot take back what it was given") }
        return .run { run in try await BackpressureWorkload.drive(Pressure(policy: policy), run) }
    }
}

extension DispatchBaseline {
    private struct Called: BlockingCallTarget, BlockingCallClient {
        let server: DispatchServer<Tally>

        func makeClient() -> Called { self }

        @inline(never)
        func increment() -> Int {
            server.sync { tally in
                tally.handle(.bump)
                return tally.count
            }
        }

        func finish() async -> Int { await server.finish().count }
    }

    private final class IdleQueue: Sendable {
        private let index: Int
        private let census: Census
        private let queue = DispatchQueue(label: "idle")

        init(_ index: Int, _ census: Census) {
            self.index = index
            self.census = census
            census.enter()
        }

        deinit {
            census.leave()
        }

        func identity() -> Int { queue.sync { index } }
    }

    /// Queues that nobody asks.
    ///
    /// Stopping one is to drop it.
    private final class Queues: Population {
        private let servers: Box<[IdleQueue]>

        init(servers: [IdleQueue]) {
            self.servers = Box(servers)
        }

        func identity(at index: Int) -> Int { servers.value[index].identity() }
        func stop() { servers.value = [] }
    }

    /// A dictionary behind a serial queue.
    private final class QueuedDirectory: Directory, @unchecked Sendable {
        // @unchecked: `entries` is used only on the queue.
        private var entries: [String: Int] = [:]
        private let queue = DispatchQueue(label: "directory")

        func register(_ name: String, _ value: Int) -> Int {
            queue.sync { entries[name] = value }
            return value
        }

        func unregister(_ name: String) { queue.sync { entries[name] = nil } }
        func lookup(_ name: String) -> Int? { queue.sync { entries[name] } }
    }

    /// A serial queue; where it is bounded, a semaphore counts the room.
    private final class Pressure: PressureTarget, @unchecked Sendable {
        // @unchecked: `worker` is used only on the queue.
        private var worker = Worker()
        private let queue = DispatchQueue(label: "worker")
        private let room = DispatchSemaphore(value: BackpressureWorkload.capacity)
        private let policy: Workload.Overload

        init(policy: Workload.Overload) {
            self.policy = policy
        }

        func offer() -> Delivery {
            switch policy {
            case .unbounded, .dropOldest:
                queue.async { self.worker.handle(0) }
                return .accepted
            case .wait:
                room.wait()
            case .reject:
                if room.wait(timeout: .now()) == .timedOut { return .refused }
            }
            queue.async {
                self.worker.handle(0)
                self.room.signal()
            }
            return .accepted
        }

        func finish() async -> Int {
            await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: self.worker.count) }
            }
        }
    }

    /// A timer source for each timer, on one serial queue.
    private final class TimerSources: TimerTarget {
        private let queue = DispatchQueue(label: "timers")
        private let log: LatenessLog

        init(_ log: LatenessLog) {
            self.log = log
        }

        func arm(deadline: UInt64) -> any DispatchSourceTimer {
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.schedule(deadline: DispatchTime(uptimeNanoseconds: deadline), leeway: .nanoseconds(0))
            // The source keeps itself alive through its handler until it is cancelled, by its firing or from outside.
            timer.setEventHandler { [log] in
                log.fired(deadline: deadline)
                timer.cancel()
            }
            timer.activate()
            return timer
        }

        func cancel(_ handle: any DispatchSourceTimer) {
            handle.cancel()
        }

        /// Sources are cancelled on their queue.
        func settle() async {
            await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
        }

        func finish() {}
    }
}
