// SPDX-License-Identifier: Apache-2.0
// `baseline.async-stream`: a task that loops over an AsyncStream.

import MartletBenchCore

final class StreamServer<State: ServerState>: BaselineServer {
    private let continuation: AsyncStream<State.Message>.Continuation
    private let loop: Task<State, Never>

    convenience init(_ state: State) {
        self.init(state, buffering: .unbounded)
    }

    init(_ state: State, buffering: AsyncStream<State.Message>.Continuation.BufferingPolicy) {
        let (stream, continuation) = AsyncStream.makeStream(of: State.Message.self, bufferingPolicy: buffering)
        self.continuation = continuation
        loop = Task {
            var state = state
            for await message in stream { state.handle(message) }
            state.retire()
            return state
        }
    }

    func send(_ message: State.Message) {
        continuation.yield(message)
    }

    /// Whether a message, this one or an older, is lost.
    func yield(_ message: State.Message) -> Bool {
        if case .dropped = continuation.yield(message) { return true }
        return false
    }

    func finish() async -> State {
        continuation.finish()
        return await loop.value
    }
}

struct StreamBaseline: Baseline {
    typealias TallyServer = StreamServer<Tally>
    typealias RelayServer = StreamServer<Relay>

    let name = "baseline.async-stream"

    func call(clients: Int) -> Trial {
        .run { run in
            try await CallWorkload.drive(Called(server: StreamServer(Tally())), clients: clients, run)
        }
    }

    func spawn() -> Trial {
        .run { run in
            try await SpawnWorkload.drive(run) { count, census in await Loops(count: count, census: census) }
        }
    }

    func timerCancel() -> Trial { .skipped("a task's timer is Task.sleep: see baseline.actor") }
    func timerFire() -> Trial { .skipped("a task's timer is Task.sleep: see baseline.actor") }
    func lookup(churn: Bool) -> Trial { .skipped("a stream of questions is `call`") }

    func backpressure(_ policy: Workload.Overload) -> Trial {
        switch policy {
        case .unbounded:
            return .run { run in
                try await BackpressureWorkload.drive(
                    Pressure(server: StreamServer(Worker(), buffering: .unbounded), loss: .accepted), run)
            }
        case .wait:
            return .skipped("AsyncStream cannot make its producer wait")
        case .reject:
            return .run { run in
                let server = StreamServer(Worker(), buffering: .bufferingOldest(BackpressureWorkload.capacity))
                return try await BackpressureWorkload.drive(Pressure(server: server, loss: .refused), run)
            }
        case .dropOldest:
            return .run { run in
                let server = StreamServer(Worker(), buffering: .bufferingNewest(BackpressureWorkload.capacity))
                return try await BackpressureWorkload.drive(Pressure(server: server, loss: .displacedAnother), run)
            }
        }
    }
}

extension StreamBaseline {
    private struct Called: CallTarget {
        let server: StreamServer<Tally>

        nonisolated(nonsending) func increment() async -> Int {
            await withCheckedContinuation { continuation in
                server.send(.increment { continuation.resume(returning: $0) })
            }
        }

        func finish() async -> Int { await server.finish().count }
    }

    private struct Pressure: PressureTarget {
        let server: StreamServer<Worker>
        /// What a loss is under the policy of the stream.
        let loss: Delivery

        func offer() -> Delivery { server.yield(0) ? loss : .accepted }
        func finish() async -> Int { await server.finish().count }
    }

    /// Tasks that each wait for their stream.
    private struct Loops: Population {
        typealias Question = CheckedContinuation<Int, Never>

        private let questions: [AsyncStream<Question>.Continuation]
        private let gone: Latch

        init(count: Int, census: Census) async {
            let ready = Latch(count)
            let gone = Latch(count)
            var questions: [AsyncStream<Question>.Continuation] = []
            questions.reserveCapacity(count)
            for index in 0..<count {
                let (stream, continuation) = AsyncStream.makeStream(of: Question.self)
                Task {
                    census.enter()
                    ready.arrive()
                    for await question in stream { question.resume(returning: index) }
                    census.leave()
                    gone.arrive()
                }
                questions.append(continuation)
            }
            self.questions = questions
            self.gone = gone
            await ready.wait()
        }

        func identity(at index: Int) async -> Int {
            await withCheckedContinuation { _ = questions[index].yield($0) }
        }

        func stop() async {
            for question in questions { question.finish() }
            await gone.wait()
        }
    }
}
