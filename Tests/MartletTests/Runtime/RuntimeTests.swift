// SPDX-License-Identifier: Apache-2.0
// Runtimes: several at once, their configuration, their executor and their end.

import Testing

@testable import Martlet

@Suite("Runtime", .timeLimit(.minutes(5)))
struct RuntimeTests {
    @Test("current is the runtime of withCurrent, of a handler's worker, else the shared one")
    func current() async throws {
        try await withRuntime { test in
            #expect(Runtime.current === test.runtime)
            let server = try await Desk.begin()
            let isMine = try await server.ask { [runtime = test.runtime] _, from in
                from.reply(Runtime.current === runtime ? 1 : 0)
            }
            #expect(isMine == 1)
            await Task.detached { #expect(Runtime.current === Runtime.shared) }.value
        }
    }

    @Test("servers of several runtimes call each other, each counted in its own")
    func several() async throws {
        try await withRuntime { one in
            let counter = try await Counter.start(1)
            try await withRuntime { two in
                let desk = try await Desk.begin()
                for _ in 0..<100 {
                    let value = try await desk.ask { _, from in from.reply(try counter.call { .get($0) }) }
                    #expect(value == 1)
                }
                #expect(two.runtime.statistics.sent == 100)
            }
            #expect(one.runtime.statistics.sent == 100)
            #expect(try await counter.get() == 1)
        }
    }

    @Test("10 runtimes start and shut down one after the other")
    func oneAfterTheOther() async throws {
        for count in 0..<10 {
            try await withRuntime { _ in
                let counter = try await Counter.start(count)
                #expect(try await counter.get() == count)
            }
        }
    }

    @Test("options choose another runtime than the current one")
    func option() async throws {
        try await withRuntime { one in
            try await withRuntime { _ in
                _ = try await Counter.start(1, options: StartOptions(runtime: one.runtime))
                #expect(one.runtime.statistics.processes == 1)
            }
        }
    }

    @Test("a task on the runtime's executor runs on its workers, calls included")
    func executor() async throws {
        try await withRuntime { test in
            let counter = try await Counter.start(0)
            let runtime = test.runtime
            let sum = try await Task(executorPreference: runtime.executor) {
                for _ in 0..<1_000 { _ = try await counter.call { .increment(by: 1, $0) } }
                return Runtime.ofThread === runtime ? try await counter.get() : -1
            }.value
            #expect(sum == 1_000)
        }
    }

    @Test("the messages of a task on the workers time out on the clock too (R3)")
    func executorTimeout() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let call = Task(executorPreference: test.runtime.executor) {
                await reason { try await server.ask { $0.postpone($1) } }
            }
            await test.timersArmed(1)
            await test.advance(by: .seconds(6))
            #expect(await call.value == "timeout")
        }
    }

    @Test("Runtime.blocking lets another worker take over")
    func blocking() async throws {
        try await withRuntime(workers: 1) { _ in
            let gate = Gate()
            let first = try await Desk.begin()
            let second = try await Desk.begin()
            await first.hold(at: gate)
            #expect(try await second.ask { $1.reply(1) } == 1)
            gate.open()
        }
    }

    @Test("0 workers, a budget of 0 and 0 processes trap, and a debug build says what was expected")
    func badConfiguration() async {
        let workers = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            var configuration = Runtime.Configuration()
            configuration.workers = 0
            _ = Runtime(configuration)
        }
        #if DEBUG
            let text = workers.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
            #expect(text.contains("expected workers in 1...1024, got 0"))
        #endif
        await #expect(processExitsWith: .failure) {
            var configuration = Runtime.Configuration()
            configuration.runBudget = 0
            _ = Runtime(configuration)
        }
        await #expect(processExitsWith: .failure) {
            var configuration = Runtime.Configuration()
            configuration.processesMax = 0
            _ = Runtime(configuration)
        }
    }

    @Test("installAsGlobalExecutor runs every task of the OS process on the workers, once")
    func globalExecutor() async {
        await #expect(processExitsWith: .success) {
            let runtime = Runtime()
            precondition(runtime.installAsGlobalExecutor())
            precondition(!Runtime().installAsGlobalExecutor())
            let counter = try await Counter.start(0, options: StartOptions(runtime: runtime))
            let sum = try await Task.detached {
                precondition(Runtime.ofThread === runtime)
                for _ in 0..<1_000 { _ = try await counter.call { .increment(by: 1, $0) } }
                await Task.yield()
                return try await counter.get()
            }.value
            precondition(sum == 1_000)
            await runtime.shutdown()
            // Swift's own pool has the tasks again.
            let isElsewhere = await Task.detached { Runtime.ofThread == nil }.value
            precondition(isElsewhere)
        }
    }
}
