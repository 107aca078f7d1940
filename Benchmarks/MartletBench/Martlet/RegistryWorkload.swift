// SPDX-License-Identifier: Apache-2.0
// `registry`: what a table that many read and few change costs. Readers and publishers are threads; who registers is a
// process, inside a handler.

import Martlet
import MartletBenchCore
import Synchronization

enum RegistryWorkload {
    static func drive(_ kind: Workload.Registering, _ run: Run) async throws -> Outcome {
        switch kind {
        case .lookup: try await lookup(churns: false, run)
        case .lookupChurn: try await lookup(churns: true, run)
        case .register: try await register(run)
        case .join: try await join(run)
        case .dispatch: try await dispatch(run)
        case .publish: try await publish(run)
        }
    }

    private static let keys = (0..<Workload.registeredKeys).map { "session-\($0)" }
    private static let numbers = Registry<String, Int>("bench.numbers")
    private static let values = Registry<String, Int>("bench.values", .duplicate)
    private static let topics = Registry<String, ProcessRef<Int>>("bench.topics", .duplicate)
    private static let groups = ProcessGroups<String, Int>("bench.groups")

    /// A registry that runs for the time of a body.
    private static func running<R>(_ child: ChildSpec, _ body: () async throws -> R) async throws -> R {
        try await withProcess(receiving: Never.self) { mailbox in
            mailbox.trapsExits = true
            let pid = try await child.start()
            let result = try await body()
            pid.exit(.shutdown)
            _ = try await pid.waitForExit()
            return result
        }
    }

    private static func lookup(churns: Bool, _ run: Run) async throws -> Outcome {
        try await running(numbers.child) {
            let (owner, other) = (
                try await RegisteringServer.start(numbers), try await RegisteringServer.start(numbers)
            )
            _ = try await owner.call { .register(keys, $0) }
            let isOver = StopFlag()
            if churns { other.cast(.churn(keys.map { "guest of \($0)" }, isOver)) }
            let readers = Workload.lookupReaders
            let finished = try await Clients.threads(readers) { reader in
                try lookups(run.operations / readers, from: reader * 500, owner.pid)
            }
            isOver.set()
            try await other.stop()
            try await owner.stop()
            try WrongResult.unless(numbers.pid(keys[0]), is: nil, "who has a key of a server that ended")
            return Outcome(
                operations: run.operations, nanoseconds: finished.nanoseconds,
                extra: ["cpu_ns": Double(finished.values.reduce(0, +)) / Double(run.operations)])
        }
    }

    /// How long the thread computed.
    @inline(never)
    private static func lookups(_ count: Int, from first: Int, _ owner: Pid) throws -> UInt64 {
        let start = ThreadTime.now()
        var next = first
        for _ in 0..<count {
            if numbers.pid(keys[next]) != owner { throw WrongResult("lookup of \(keys[next]) gave something else") }
            next += 1
            if next == keys.count { next = 0 }
        }
        return ThreadTime.now() - start
    }

    private static func register(_ run: Run) async throws -> Outcome {
        try await running(numbers.child) {
            let server = try await RegisteringServer.start(numbers)
            let (register, unregister) = try await server.call(timeout: nil) {
                .cycle(keys, rounds: run.operations / keys.count, $0)
            }
            try WrongResult.unless(numbers.count, is: 0, "entries that are left")
            try await server.stop()
            return Outcome(
                operations: run.operations, nanoseconds: register + unregister,
                extra: [
                    "register_ns": Double(register) / Double(run.operations),
                    "unregister_ns": Double(unregister) / Double(run.operations),
                ])
        }
    }

    private static func subscribers(_ argument: SubscribedServer.Argument) async throws -> [SubscribedServer.Ref] {
        var all: [SubscribedServer.Ref] = []
        for _ in 0..<Workload.subscribers { all.append(try await SubscribedServer.start(argument)) }
        return all
    }

    private static func join(_ run: Run) async throws -> Outcome {
        try await running(groups.child) {
            let members = try await subscribers(.init(topics: nil, expected: .max, drained: Latch(1)))
            let finished = try await Clients.threads(1) { _ in
                let start = ThreadTime.now()
                for member in members { groups.join("group", member.process) }
                return ThreadTime.now() - start
            }
            try WrongResult.unless(groups.members("group").count, is: members.count, "members")
            for member in members { member.pid.kill() }
            return Outcome(
                operations: members.count, nanoseconds: finished.nanoseconds,
                extra: ["cpu_ns": Double(finished.values[0]) / Double(members.count)])
        }
    }

    private static let sum = Atomic(0)

    private static func dispatch(_ run: Run) async throws -> Outcome {
        try await running(values.child) {
            let server = try await RegisteringServer.start(values)
            _ = try await server.call { .register(Array(repeating: "topic", count: Workload.subscribers), $0) }
            let rounds = run.operations / Workload.subscribers
            let finished = try await Clients.threads(1) { _ in
                let start = ThreadTime.now()
                sum.store(0, ordering: .relaxed)
                for _ in 0..<rounds { values.dispatch("topic") { sum.wrappingAdd($0.value, ordering: .relaxed) } }
                return (sum.load(ordering: .relaxed), ThreadTime.now() - start)
            }
            let expected = rounds * (0..<Workload.subscribers).reduce(0, +)
            try WrongResult.unless(finished.values[0].0, is: expected, "sum of the values")
            try await server.stop()
            return Outcome(
                operations: run.operations, nanoseconds: finished.nanoseconds,
                extra: ["cpu_ns": Double(finished.values[0].1) / Double(run.operations)])
        }
    }

    private static func publish(_ run: Run) async throws -> Outcome {
        try await running(topics.child) {
            let rounds = run.operations / Workload.subscribers
            let drained = Latch(Workload.subscribers)
            let members = try await subscribers(.init(topics: topics, expected: rounds, drained: drained))
            let finished = try await Clients.threads(1) { _ in
                let start = ThreadTime.now()
                var sent = 0
                for round in 0..<rounds { sent += topics.publish("topic", round) }
                return (sent, ThreadTime.now() - start)
            }
            try WrongResult.unless(finished.values[0].0, is: run.operations, "sends")
            let end = await drained.wait()
            for member in members { member.pid.kill() }
            return Outcome(
                operations: run.operations, nanoseconds: finished.nanoseconds,
                extra: [
                    "handled_ns": Double(end - finished.start) / Double(run.operations),
                    "cpu_ns": Double(finished.values[0].1) / Double(run.operations),
                ])
        }
    }
}
