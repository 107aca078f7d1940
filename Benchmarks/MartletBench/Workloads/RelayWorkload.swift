// SPDX-License-Identifier: Apache-2.0
// `ping-pong` and `ring`: servers that pass a message on to each other, nobody else takes part.
//
// A ring of two is a pair. Every ring has one message, which carries how many times it is still to be passed on; the
// server that gets it with nothing left to pass arrives at the latch. Sampled is a round trip: from one arrival of the
// message at the first server of a ring to the next.

import MartletBenchCore

/// A number of rings, each with a message that waits to be let go.
protocol RelayTarget: Sendable {
    /// Lets the message of every ring go. Each is handled `hops` times in all.
    func go(hops: Int)
    /// Ends the servers; how many messages they have handled, and the samples of the first servers.
    func finish() async throws -> (handled: Int, latencies: [UInt64])
}

enum RelayWorkload {
    /// Makes `rings` rings of `servers` servers.
    ///
    /// When a ring's message has been handled for the last time, `done.arrive()`. The first server of each ring has a
    /// copy of `sampler`, and calls `lap` at each message.
    typealias Make<Target> =
        @Sendable (_ rings: Int, _ servers: Int, _ done: Latch, _ sampler: LatencySampler) async throws -> Target

    static func drive<Target: RelayTarget>(
        rings: Int, servers: Int, _ run: Run, make: Make<Target>
    ) async throws -> Outcome {
        let done = Latch(rings)
        let laps = run.operations / rings / servers
        let sampler = LatencySampler(interval: servers == 2 ? run.samplingInterval : 1, expectedOperations: laps)
        let target = try await make(rings, servers, done, sampler)
        let start = MonotonicClock.now()
        target.go(hops: run.operations / rings)
        let end = await done.wait()
        let (handled, latencies) = try await target.finish()
        try WrongResult.unless(handled, is: run.operations, "messages handled")
        return Outcome(operations: run.operations, nanoseconds: end - start, latencies: latencies)
    }
}
