// SPDX-License-Identifier: Apache-2.0
// Servers that become servers of another type (S37).

import Testing

@testable import Martlet

@Suite("Code change", .timeLimit(.minutes(5)))
struct CodeChangeTests {
    /// Counts by tens.
    struct CounterV2: GenServer {
        typealias Argument = Int
        typealias Call = Counter.Call
        typealias Cast = Counter.Cast
        var count: Int
        init(_ initial: Int) { count = initial }
        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .increment(let n, let from):
                count += 10 * n
                return from.reply(count)
            case .get(let from): return from.reply(count)
            }
        }
        mutating func handleCast(_ cast: Cast) -> Next { .wait }
    }

    /// The same with callbacks that may suspend, and a state that is no copy.
    struct CounterV3: AsyncGenServer, ~Copyable {
        typealias Argument = Int
        typealias Call = Counter.Call
        typealias Cast = Counter.Cast
        var count: Int
        init(_ initial: Int) async { count = initial }
        init(from count: Int) { self.count = count }
        mutating func handleCall(_ call: Call) async -> Next {
            switch call {
            case .increment(let n, let from):
                await Task.yield()
                count += 100 * n
                return from.reply(count)
            case .get(let from): return from.reply(count)
            }
        }
        mutating func handleCast(_ cast: Cast) async -> Next { .wait }
    }

    @Test("pid, name, monitors and queued messages stay; the new type handles what comes (S37)", .tags(.parity))
    func changes() async throws {
        let name: Counter.Name = "changing"
        try await withRuntime { test in
            let counter = try await Counter.start(1, name: name)
            try await counter.sys.suspend()
            let asking = Task { try await name.call { .increment(by: 1, $0) } }
            await test.timersArmed(1)
            let upgraded = try await counter.sys.changeCode(to: CounterV2.self) { old in
                CounterV2(old.count)
            }
            #expect(upgraded.pid == counter.pid)
            #expect(try await upgraded.sys.status().isSuspended)
            try await upgraded.sys.resume()
            #expect(try await asking.value == 11)
            #expect(try await counter.get() == 11)
            #expect(try await name.get() == 11)
            #expect(upgraded.pid.status?.type == "CodeChangeTests.CounterV2")
            #expect(await reason { try await counter.sys.withState { _ in 1 } } == "timeout")
            try await counter.stop()
        }
    }

    @Test("to a server whose callbacks suspend, and back")
    func asynchronous() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(1)
            let third = try await counter.sys.changeCode(to: CounterV3.self) { CounterV3(from: $0.count) }
            #expect(try await counter.call { .increment(by: 1, $0) } == 101)
            let second = try await third.sys.changeCode(to: CounterV2.self) { CounterV2($0.count) }
            #expect(try await third.call { .increment(by: 1, $0) } == 111)
            #expect(try await second.sys.withState { $0.count } == 111)
        }
    }

    @Test("a migration that throws leaves the server as it was, suspended or not; the error is thrown here (R21)")
    func throwing() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(1)
            for isSuspended in [false, true] {
                if isSuspended { try await counter.sys.suspend() }
                await #expect(throws: Failure(7)) {
                    try await counter.sys.changeCode(to: CounterV2.self) { _ in throw Failure(7) }
                }
                #expect(try await counter.sys.status().isSuspended == isSuspended)
                #expect(counter.pid.status?.type == "Counter")
            }
            try await counter.sys.resume()
            #expect(try await counter.get() == 1)
            let third = try await counter.sys.changeCode(to: CounterV3.self) { CounterV3(from: $0.count) }
            #expect(try await third.call { .increment(by: 1, $0) } == 101)
        }
    }

    /// Has a resource.
    struct Keeper: AsyncGenServer, ~Copyable {
        typealias Argument = Census
        typealias Call = Counter.Call
        typealias Cast = Counter.Cast
        let resource: TrackedResource
        init(_ census: Census) async { resource = TrackedResource(census) }
        mutating func handleCall(_ call: Call) async -> Next {
            if case .get(let from) = call { from.reply(resource.census.alive) }
            return .wait
        }
        mutating func handleCast(_ cast: Cast) async -> Next { .wait }
    }

    @Test("a migration of a state that is no copy ends the server when it throws; the state ends, monitors hear it")
    func throwingWithoutCopy() async throws {
        try await withRuntime { test in
            let census = Census()
            try await withProcess(receiving: Never.self) { mailbox in
                let (keeper, monitor) = try await Keeper.startMonitor(census)
                #expect(try await keeper.call { .get($0) } == 1)
                let told = await reason {
                    try await keeper.sys.changeCode(to: CounterV3.self) { _ in throw Failure() }
                }
                #expect(told == "exited: error (Failure)")
                #expect(census.alive == 0)
                guard case .down(monitor, _, .error) = try await mailbox.receiveInfo() else {
                    Issue.record("expected the end")
                    return
                }
            }
        }
    }

    @Test("log, statistics and sinks go along, and commands that wait are performed by the new type before any message")
    func looksOn() async throws {
        try await withRuntime { test in
            let (desk, gate, told) = (try await Desk.begin(), Gate(), Record())
            try await desk.sys.keepLog(10)
            try await desk.sys.collectStatistics(true)
            try await desk.sys.install("sink") { told.add("\($0.kind)") }
            await desk.hold(at: gate)
            for number in 0..<100 { desk.cast(.note(number)) }
            let changing = Task(executorPreference: test.runtime.executor) {
                try await desk.sys.changeCode(to: Heir.self) { Heir(desk: $0) }
            }
            await test.settle()
            let counting = Task(executorPreference: test.runtime.executor) {
                try await ServerRef<Heir>(unchecked: desk.pid).sys.withState { $0.desk.seen.count }
            }
            await test.settle()
            gate.open()
            let heir = try await changing.value
            #expect(try await counting.value <= 1)
            #expect(try await heir.call { .seen($0) } == Array(0..<100))
            #expect(try await heir.sys.statistics()?.messagesIn == 102)
            #expect(try await heir.sys.log().count == 10)
            #expect(told.count == 2 * 102 + 1)
        }
    }

    /// The desk again.
    struct Heir: GenServer {
        typealias Argument = Desk.Argument
        typealias Call = Desk.Call
        typealias Cast = Desk.Cast
        typealias Message = Desk.Message
        var desk: Desk
        init(_ script: Argument) throws { desk = try Desk(script) }
        init(desk: Desk) { self.desk = desk }
        mutating func handleCall(_ call: Call) throws -> Next { try desk.handleCall(call) }
        mutating func handleCast(_ cast: Cast) throws -> Next { try desk.handleCast(cast) }
        mutating func handleInfo(_ info: Info<Int>) throws -> Next { try desk.handleInfo(info) }
    }

    @Test("under load no call is lost and none is answered twice", .tags(.stress))
    func underLoad() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(0)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var replies = 0
                        for _ in 0..<500 {
                            _ = try await counter.call(timeout: nil) { .increment(by: 0, $0) }
                            replies += 1
                        }
                        return replies
                    }
                }
                var current = counter.pid
                for _ in 0..<50 {
                    let second = try await ServerRef<Counter>(unchecked: current).sys.changeCode(to: CounterV2.self) {
                        CounterV2($0.count)
                    }
                    let third = try await second.sys.changeCode(to: CounterV3.self) { CounterV3(from: $0.count) }
                    let first = try await third.sys.changeCode(to: Counter.self) { Counter($0.count) }
                    current = first.pid
                }
                #expect(try await group.reduce(0, +) == 2_000)
            }
        }
    }
}

extension ServerRef where S: ~Copyable {
    init(unchecked pid: Pid) { self.init(_pid: pid) }
}
