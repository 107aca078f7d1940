// SPDX-License-Identifier: Apache-2.0
// `cast`: producers send to one server. `fan-out`: one producer sends to many servers in turn.
//
// Producers are threads: to send is not to suspend, and 64 tasks on a pool of two would be two producers. The clock
// stops when the last message has been handled, which the server itself says (Latch), not when the last has been sent.
// Sampled is what a send costs its sender.

import MartletBenchCore

/// A server that counts what it is sent.
protocol CastTarget: Sendable {
    /// Sends one message.
    func cast()
    /// Ends the server; how many messages it has handled.
    func finish() async throws -> Int
}

enum CastWorkload {
    /// Makes a server that calls `arrive` when it has handled `expected` messages.
    typealias Make<Target> = @Sendable (_ expected: Int, _ drained: Latch) async throws -> Target

    static func drive<Target: CastTarget>(
        producers: Int, _ run: Run, make: Make<Target>
    ) async throws -> Outcome {
        let drained = Latch(1)
        let target = try await make(run.operations, drained)
        let share = run.operations / producers
        let finished = try await Clients.threads(producers) { _ in
            casts(to: [target], share, run.sampler(owners: producers))
        }
        let end = await drained.wait()
        try WrongResult.unless(try await target.finish(), is: run.operations, "casts handled")
        return outcome(finished, run, end)
    }

    static func driveFanOut<Target: CastTarget>(
        servers: Int, _ run: Run, make: Make<Target>
    ) async throws -> Outcome {
        let drained = Latch(servers)
        let share = run.operations / servers
        var targets: [Target] = []
        targets.reserveCapacity(servers)
        for _ in 0..<servers { targets.append(try await make(share, drained)) }
        let all = targets
        let finished = try await Clients.threads(1) { _ in casts(to: all, run.operations, run.sampler()) }
        let end = await drained.wait()
        let handled = try await Clients.tasks(servers) { try await all[$0].finish() }
        for count in handled.values { try WrongResult.unless(count, is: share, "casts handled by one server") }
        return outcome(finished, run, end)
    }

    @inline(never)
    private static func casts<Target: CastTarget>(
        to targets: [Target], _ count: Int, _ sampler: consuming LatencySampler
    ) -> [UInt64] {
        var next = 0
        for _ in 0..<count {
            let started = sampler.begin()
            targets[next].cast()
            sampler.end(started)
            next += 1
            if next == targets.count { next = 0 }
        }
        return sampler.samples
    }

    private static func outcome(_ finished: Finished<[UInt64]>, _ run: Run, _ end: UInt64) -> Outcome {
        Outcome(
            operations: run.operations, nanoseconds: end - finished.start, latencies: finished.values.flatMap { $0 },
            extra: ["send_ns": Double(finished.nanoseconds) / Double(run.operations)])
    }
}
