// SPDX-License-Identifier: Apache-2.0
// `call`: clients ask one server to count, and wait for each answer before the next question.
//
// Three kinds of client: tasks, where a call suspends, tasks with something of their own to call with (a mailbox), and
// threads, where a call blocks. The clients' loops are the same for all variants. Between two calls a client does
// something opaque (the sampler), as every real client does: otherwise the optimiser leaves an actor's clients on the
// actor, and what is measured is a function call (see HopCheck).

import MartletBenchCore

/// A server that is called from tasks.
protocol CallTarget: Sendable {
    /// Counts one, returns the count.
    nonisolated(nonsending) func increment() async throws -> Int
    /// Ends the server; how many increments it has handled.
    func finish() async throws -> Int
    /// Where the clients run; nil is the default pool.
    var clientExecutor: (any TaskExecutor)? { get }
}

extension CallTarget {
    var clientExecutor: (any TaskExecutor)? { nil }
}

/// A server that is called from tasks, each with something of its own to call with.
protocol EquippedCallTarget: Sendable {
    /// Runs `body` as one client; `increment` counts one and returns the count.
    nonisolated(nonsending) func asClient<Value>(
        _ body:
            nonisolated(nonsending) (
                _ increment: nonisolated(nonsending) () async throws -> Int
            ) async throws -> Value
    ) async throws -> Value
    /// Ends the server; how many increments it has handled.
    func finish() async throws -> Int
    /// Where the clients run; nil is the default pool.
    var clientExecutor: (any TaskExecutor)? { get }
}

/// A server that is called from threads.
protocol BlockingCallTarget: Sendable {
    associatedtype Client: BlockingCallClient
    /// For one thread, made on it.
    func makeClient() -> Client
    /// Ends the server; how many increments it has handled.
    func finish() async throws -> Int
}

/// What one thread needs to call; owned by it.
protocol BlockingCallClient {
    /// Counts one, returns the count.
    func increment() throws -> Int
}

enum CallWorkload {
    /// Calls from tasks.
    ///
    /// With `checksHop`, fails when clients stay on the server between calls.
    static func drive<Target: CallTarget>(
        _ target: Target, clients: Int, _ run: Run, checksHop: Bool = false
    ) async throws -> Outcome {
        var extraCalls = 0
        if checksHop { extraCalls = try await HopCheck.check(target) }
        let share = run.operations / clients
        let finished = try await Clients.tasks(clients, on: target.clientExecutor) { _ in
            try await calls(target, share, run.sampler(owners: clients), between: nil)
        }
        return try outcome(finished, run, counted: try await target.finish() - extraCalls)
    }

    /// Calls from tasks with something of their own.
    static func drive<Target: EquippedCallTarget>(
        equipped target: Target, clients: Int, _ run: Run
    ) async throws -> Outcome {
        let share = run.operations / clients
        let finished = try await Clients.tasks(clients, on: target.clientExecutor) { _ in
            try await target.asClient { increment in
                try await calls(share, run.sampler(owners: clients), increment)
            }
        }
        return try outcome(finished, run, counted: try await target.finish())
    }

    /// Calls from threads.
    static func drive<Target: BlockingCallTarget>(
        blocking target: Target, clients: Int, _ run: Run
    ) async throws -> Outcome {
        let share = run.operations / clients
        let finished = try await Clients.threads(clients) { _ in
            try calls(target.makeClient(), share, run.sampler(owners: clients))
        }
        return try outcome(finished, run, counted: try await target.finish())
    }

    /// One turn of calls from tasks, to a server that has been counting and goes on.
    static func turn<Target: CallTarget>(_ target: Target, clients: Int, _ run: Run) async throws -> Finished<[UInt64]>
    {
        let share = run.operations / clients
        return try await Clients.tasks(clients, on: target.clientExecutor) { _ in
            try await calls(target, share, run.sampler(owners: clients), between: nil)
        }
    }

    /// One client's loop.
    ///
    /// `between` is called after each call.
    @inline(never)
    nonisolated(nonsending) static func calls<Target: CallTarget>(
        _ target: Target, _ count: Int, _ sampler: consuming LatencySampler, between: (@Sendable () throws -> Void)?
    ) async throws -> [UInt64] {
        var previous = 0
        for _ in 0..<count {
            let started = sampler.begin()
            let current = try await target.increment()
            sampler.end(started)
            if current <= previous { throw WrongResult("a call after \(previous) answered \(current)") }
            previous = current
            try between?()
        }
        return sampler.samples
    }

    @inline(never)
    nonisolated(nonsending) private static func calls(
        _ count: Int, _ sampler: consuming LatencySampler, _ increment: nonisolated(nonsending) () async throws -> Int
    ) async throws -> [UInt64] {
        var previous = 0
        for _ in 0..<count {
            let started = sampler.begin()
            let current = try await increment()
            sampler.end(started)
            if current <= previous { throw WrongResult("a call after \(previous) answered \(current)") }
            previous = current
        }
        return sampler.samples
    }

    @inline(never)
    private static func calls<Client: BlockingCallClient>(
        _ client: Client, _ count: Int, _ sampler: consuming LatencySampler
    ) throws -> [UInt64] {
        var previous = 0
        for _ in 0..<count {
            let started = sampler.begin()
            let current = try client.increment()
            sampler.end(started)
            if current <= previous { throw WrongResult("a call after \(previous) answered \(current)") }
            previous = current
        }
        return sampler.samples
    }

    private static func outcome(_ finished: Finished<[UInt64]>, _ run: Run, counted: Int) throws -> Outcome {
        try WrongResult.unless(counted, is: run.operations, "increments handled")
        return Outcome(
            operations: run.operations, nanoseconds: finished.nanoseconds, latencies: finished.values.flatMap { $0 })
    }
}
