// SPDX-License-Identifier: Apache-2.0
// `baseline.manual-thread`: what one writes without a runtime.

import Foundation
import MartletBenchCore
import Synchronization

struct ThreadBaseline: Baseline {
    typealias TallyServer = ThreadServer<Tally>
    typealias RelayServer = ThreadServer<Relay>

    let name = "baseline.manual-thread"
    let serversMax: (count: Int, reason: String)? = (1000, "a thread for each of so many servers is absurd")

    func call(clients: Int) -> Trial {
        .run { run in
            try await CallWorkload.drive(blocking: CallTarget(server: ThreadServer(Tally())), clients: clients, run)
        }
    }

    func spawn() -> Trial {
        .skipped("a thread for each of so many servers is absurd")
    }

    func timerCancel() -> Trial {
        .run { run in try await TimerWorkload.driveCancel(run) { TimerThread($0) } }
    }

    func timerFire() -> Trial {
        .run { run in try await TimerWorkload.driveFire(run) { TimerThread($0) } }
    }

    func lookup(churn: Bool) -> Trial {
        .run { run in try await LookupWorkload.drive(LockedDirectory(), churn: churn, run) }
    }

    func backpressure(_ policy: Workload.Overload) -> Trial {
        .run { run in
            try await BackpressureWorkload.drive(Pressure(server: ThreadServer(Worker(), policy: policy)), run)
        }
    }
}

extension ThreadBaseline {
    private struct CallTarget: BlockingCallTarget {
        let server: ThreadServer<Tally>

        func makeClient() -> Client { Client(server: server) }
        func finish() async -> Int { await server.finish().count }
    }

    /// A thread that sends, and waits on a condition of its own for the answer.
    private final class Client: BlockingCallClient, @unchecked Sendable {
        // @unchecked: `answer` is used only with the condition's lock held.
        private let server: ThreadServer<Tally>
        private let condition = NSCondition()
        private var answer: Int?

        init(server: ThreadServer<Tally>) {
            self.server = server
        }

        func increment() -> Int {
            server.send(.increment { self.put($0) })
            condition.lock()
            defer { condition.unlock() }
            while true {
                if let answer = answer.take() { return answer }
                condition.wait()
            }
        }

        private func put(_ value: Int) {
            condition.lock()
            answer = value
            condition.signal()
            condition.unlock()
        }
    }

    private struct Pressure: PressureTarget {
        let server: ThreadServer<Worker>

        func offer() -> Delivery { server.offer(0) }
        func finish() async -> Int { await server.finish().count }
    }

    /// A dictionary behind a mutex.
    private final class LockedDirectory: Directory {
        private let entries = Mutex<[String: Int]>([:])

        func register(_ name: String, _ value: Int) -> Int {
            entries.withLock { $0[name] = value }
            return value
        }

        func unregister(_ name: String) { entries.withLock { _ = $0.removeValue(forKey: name) } }
        func lookup(_ name: String) -> Int? { entries.withLock { $0[name] } }
    }
}
