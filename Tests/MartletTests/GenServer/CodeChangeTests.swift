// SPDX-License-Identifier: Apache-2.0
// Servers that become servers of another type (S37).

import Testing

@testable import Martlet

@Suite("Code change", .timeLimit(.minutes(1)))
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

    @Test("a migration that throws ends the server with its error; monitors hear it, the old state is destroyed")
    func throwing() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                let (counter, monitor) = try await Counter.startMonitor(1)
                let told = await reason {
                    try await counter.sys.changeCode(to: CounterV2.self) { _ in throw Failure() }
                }
                #expect(told == "exited: error (Failure)")
                guard case .down(monitor, _, .error) = try await mailbox.receiveInfo() else {
                    Issue.record("expected the end")
                    return
                }
            }
        }
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
