// SPDX-License-Identifier: Apache-2.0
// `lookup`: two readers look servers up by name, among a thousand; with churn, a third party keeps registering and
// unregistering other names, ten of them every millisecond.
//
// The churn is paced, not as fast as it can be: it stands for a system that starts and ends servers, and on two cores a
// third busy thread would mostly take time from the readers.

import Foundation
import MartletBenchCore
import Synchronization

/// Names and what they stand for, reached without suspending.
///
/// Readers are threads.
protocol Directory: Sendable {
    /// What a name is looked up by, made once and kept.
    associatedtype Key: Sendable = String
    /// What a name stands for.
    associatedtype Entry: Equatable & Sendable = Int

    func key(_ name: String) -> Key
    /// Gives the name to something new; what a lookup must now find.
    func register(_ key: Key, _ value: Int) throws -> Entry
    func unregister(_ key: Key) throws
    func lookup(_ key: Key) -> Entry?
}

extension Directory where Key == String {
    func key(_ name: String) -> String { name }
}

/// Names and what they stand for, reached by suspending.
///
/// Readers are tasks.
protocol AsyncDirectory: Sendable {
    nonisolated(nonsending) func register(_ name: String, _ value: Int) async throws
    nonisolated(nonsending) func unregister(_ name: String) async throws
    nonisolated(nonsending) func lookup(_ name: String) async throws -> Int?
    func finish() async throws
}

enum LookupWorkload {
    private static let names = (0..<1000).map { "server-\($0)" }
    private static let churnNames = (0..<10).map { "guest-\($0)" }
    private static let churnPause: UInt64 = 1_000_000

    static func drive<Target: Directory>(_ target: Target, churn: Bool, _ run: Run) async throws -> Outcome {
        let keys = names.map(target.key)
        let guests = churnNames.map(target.key)
        // On a thread: a variant may have to wait for what it registers, and the pool is not to be blocked.
        let registered = try await Clients.threads(1) { _ in
            try keys.enumerated().map { try target.register($1, $0) }
        }
        let entries = registered.values.flatMap { $0 }
        let readers = Workload.lookupReaders
        let isOver = StopFlag()
        let churned = Task<Int, any Error> {
            guard churn else { return 0 }
            return try await Clients.threads(1) { _ in
                var changes = 0
                while !isOver.isSet {
                    for (value, key) in guests.enumerated() { _ = try target.register(key, value) }
                    for key in guests { try target.unregister(key) }
                    changes += guests.count
                    Thread.sleep(forTimeInterval: Double(churnPause) / 1e9)
                }
                return changes
            }.values[0]
        }
        let finished = try await Clients.threads(readers) { reader in
            let sampler = run.sampler(owners: readers)
            return try lookups(target, keys, entries, run.operations / readers, from: reader * 500, sampler)
        }
        isOver.set()
        let changes = try await churned.value
        _ = try await Clients.threads(1) { _ in try keys.forEach(target.unregister) }
        for key in keys + guests {
            try WrongResult.unless(target.lookup(key), is: nil, "what an unregistered name stands for")
        }
        return outcome(finished, run, changes: changes)
    }

    static func drive<Target: AsyncDirectory>(async target: Target, churn: Bool, _ run: Run) async throws -> Outcome {
        for (value, name) in names.enumerated() { try await target.register(name, value) }
        let readers = Workload.lookupReaders
        let isOver = StopFlag()
        let churned = Task<Int, any Error> {
            var changes = 0
            while churn, !isOver.isSet {
                for (value, name) in churnNames.enumerated() { try await target.register(name, value) }
                for name in churnNames { try await target.unregister(name) }
                changes += churnNames.count
                try await Task.sleep(nanoseconds: churnPause)
            }
            return changes
        }
        let finished = try await Clients.tasks(readers) { reader in
            try await lookups(async: target, run.operations / readers, from: reader * 500, run.sampler(owners: readers))
        }
        isOver.set()
        let changes = try await churned.value
        try WrongResult.unless(try await target.lookup(churnNames[0]), is: nil, "value of an unregistered name")
        try await target.finish()
        return outcome(finished, run, changes: changes)
    }

    @inline(never)
    private static func lookups<Target: Directory>(
        _ target: Target, _ keys: [Target.Key], _ entries: [Target.Entry], _ count: Int, from first: Int,
        _ sampler: consuming LatencySampler
    ) throws -> [UInt64] {
        var next = first
        for _ in 0..<count {
            let started = sampler.begin()
            let entry = target.lookup(keys[next])
            sampler.end(started)
            if entry != entries[next] { throw WrongResult("lookup of \(names[next]) gave something else") }
            next += 1
            if next == keys.count { next = 0 }
        }
        return sampler.samples
    }

    @inline(never)
    nonisolated(nonsending) private static func lookups<Target: AsyncDirectory>(
        async target: Target, _ count: Int, from first: Int, _ sampler: consuming LatencySampler
    ) async throws -> [UInt64] {
        let names = names
        var next = first
        for _ in 0..<count {
            let started = sampler.begin()
            let value = try await target.lookup(names[next])
            sampler.end(started)
            if value != next { throw WrongResult("lookup of \(names[next]) gave \(value ?? -1)") }
            next += 1
            if next == names.count { next = 0 }
        }
        return sampler.samples
    }

    private static func outcome(_ finished: Finished<[UInt64]>, _ run: Run, changes: Int) -> Outcome {
        Outcome(
            operations: run.operations, nanoseconds: finished.nanoseconds, latencies: finished.values.flatMap { $0 },
            extra: ["names_churned": Double(changes)])
    }
}

/// Tells a loop to end.
final class StopFlag: Sendable {
    private let state = Atomic<Bool>(false)

    // Relaxed: nothing is published by it; the one who set it waits for the loop's result.
    var isSet: Bool { state.load(ordering: .relaxed) }
    func set() { state.store(true, ordering: .relaxed) }
}
