// SPDX-License-Identifier: Apache-2.0
// `backpressure`: two producers send faster than a server works (1 us a message). What happens depends on the mailbox.
//
// Reported: time by cast sent, delivered or not; `handled_per_s`; the peak memory, of a process of its own; and exactly
// how many messages were not delivered. A run in which handled and undelivered do not add up to what was sent is wrong.

import MartletBenchCore

/// What became of a message.
enum Delivery: Sendable {
    /// In the mailbox.
    case accepted
    /// Refused: this message is not delivered.
    case refused
    /// In the mailbox, and an older message is not delivered.
    case displacedAnother
}

/// A server that works for 1 us on each message, asked from threads.
protocol PressureTarget: Sendable {
    /// Sends one message. Waits for room where that is the policy.
    func offer() throws -> Delivery
    /// Waits for what is queued, ends the server; how many messages it has handled.
    func finish() async throws -> Int
}

/// The same, asked from tasks.
protocol AsyncPressureTarget: Sendable {
    nonisolated(nonsending) func offer() async throws -> Delivery
    func finish() async throws -> Int
}

enum BackpressureWorkload {
    /// Messages in a bounded mailbox.
    static let capacity = 1024
    static let producers = 2

    /// One message's work: 1 us, spent on the clock so that it is the same on every machine.
    static func work() {
        let start = MonotonicClock.now()
        while MonotonicClock.now() - start < 1000 {}
    }

    static func drive<Target: PressureTarget>(_ target: Target, _ run: Run) async throws -> Outcome {
        let finished = try await Clients.threads(producers) { producer in
            var tally = Tally(run, producer)
            for _ in 0..<tally.share {
                let started = tally.sampler.begin()
                let delivery = try target.offer()
                tally.sampler.end(started)
                tally.add(delivery)
            }
            return tally
        }
        return try outcome(finished, run, handled: try await target.finish())
    }

    static func drive<Target: AsyncPressureTarget>(async target: Target, _ run: Run) async throws -> Outcome {
        let finished = try await Clients.tasks(producers) { producer in
            var tally = Tally(run, producer)
            for _ in 0..<tally.share {
                let started = tally.sampler.begin()
                let delivery = try await target.offer()
                tally.sampler.end(started)
                tally.add(delivery)
            }
            return tally
        }
        return try outcome(finished, run, handled: try await target.finish())
    }

    /// One producer's count.
    private struct Tally: Sendable {
        let share: Int
        var sampler: LatencySampler
        var refused = 0
        var displaced = 0

        /// The first producer takes what does not divide.
        init(_ run: Run, _ producer: Int) {
            let even = run.operations / producers
            share = producer == 0 ? run.operations - even * (producers - 1) : even
            sampler = run.sampler(owners: producers)
        }

        mutating func add(_ delivery: Delivery) {
            switch delivery {
            case .accepted: break
            case .refused: refused += 1
            case .displacedAnother: displaced += 1
            }
        }
    }

    private static func outcome(_ finished: Finished<Tally>, _ run: Run, handled: Int) throws -> Outcome {
        let nanoseconds = MonotonicClock.now() - finished.start
        let refused = finished.values.reduce(0) { $0 + $1.refused }
        let displaced = finished.values.reduce(0) { $0 + $1.displaced }
        try WrongResult.unless(handled + refused + displaced, is: run.operations, "handled, refused and displaced")
        return Outcome(
            operations: run.operations, nanoseconds: nanoseconds, latencies: finished.values.flatMap(\.sampler.samples),
            extra: [
                "handled": Double(handled), "undelivered": Double(refused + displaced),
                "handled_per_s": Double(handled) * 1e9 / Double(max(nanoseconds, 1)),
            ])
    }
}
