// SPDX-License-Identifier: Apache-2.0
// The deterministic runtime as a test sees it.

import Martlet
import Testing

@testable import MartletTestKit

@Suite("withTestRuntime")
struct WithTestRuntimeTests {
    @Test("a call is answered and the runtime is current")
    func call() async throws {
        try await withTestRuntime { test in
            #expect(Runtime.current === test.runtime)
            let counter = try await Counter.start(0)
            #expect(try await counter.call { .increment(by: 2, $0) } == 2)
            try await counter.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a sleep of a year costs nothing, and time moves by itself only when nothing can run")
    func virtualTime() async throws {
        try await withTestRuntime { test in
            #expect(test.clock.now == .zero)
            try await test.clock.sleep(for: .seconds(365 * 86_400))
            #expect(test.clock.now == .seconds(365 * 86_400))
            let counter = try await Counter.start(0)
            for _ in 0..<100 { _ = try await counter.call { .increment(by: 1, $0) } }
            #expect(test.clock.now == .seconds(365 * 86_400))
        }
    }

    @Test("tasks without an executor run on the runtime's one thread, as do groups and yields")
    func tasks() async throws {
        try await withTestRuntime { test in
            let isHere = await Task { Runtime.current === test.runtime && test.runtime.isHere }.value
            #expect(isHere)
            #expect(await Task.detached { test.runtime.isHere }.value)
            let isStillHere = await Task {
                await Task.yield()
                return test.runtime.isHere
            }.value
            #expect(isStillHere)
            let count = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<10 { group.addTask { test.runtime.isHere } }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(count == 10)
            await Task.yield()
            #expect(test.runtime.isHere)
        }
        #expect(Runtime.current === Runtime.shared)
    }

    @Test("what is left is named with whom it is tied to")
    func leftTies() async throws {
        try await withTestRuntime { test in
            let peers = (0..<5).map { _ in
                spawn { (mailbox: inout Mailbox<Int>) in _ = try await mailbox.receive() }
            }
            let hub = spawn { (mailbox: inout Mailbox<Int>) in
                peers[0].pid.link()
                for peer in peers[1...] { _ = peer.pid.monitor() }
                _ = try await mailbox.receive()
            }
            await test.clock.advance(by: .milliseconds(1))
            let left = test.engine.whatIsLeft().filter { $0.contains("process \(hub.pid)") }
            try #require(left.count == 1)
            #expect(left[0].contains("linked with \(peers[0].pid), watches \(peers[4].pid)"))
            #expect(left[0].contains("and 1 more)"))
            for process in peers + [hub] { process.pid.kill() }
            await test.clock.advance(by: .milliseconds(1))
            test.assertNothingLeft()
        }
    }

    @Test("what the body returns and throws passes through")
    func results() async throws {
        #expect(try await withTestRuntime { _ in 7 } == 7)
        await #expect(throws: InjectedFault.self) {
            try await withTestRuntime { _ in throw InjectedFault() }
        }
    }

    @Test("what the body leaves running is stopped in order")
    func leftovers() async throws {
        try await withTestRuntime { test in
            for _ in 0..<10 { _ = try await Counter.start(0) }
            spawn(Int.self) { mailbox in while true { _ = try await mailbox.receive() } }
            #expect(test.processes.count == 11)
        }
    }

    @Test("a deadlock is reported with who waits for whom, within seconds")
    func deadlock() async throws {
        struct Mute: GenServer {
            enum Call { case ask(From<Int>) }
            init(_: Void) {}
            mutating func handleCall(_ call: Call) -> Next { .wait }
        }
        do {
            try await withTestRuntime(seed: 3) { _ in
                let mute = try await Mute.start()
                _ = try await mute.call(timeout: nil) { .ask($0) }
            }
            Issue.record("expected a deadlock")
        } catch let error as TestRuntimeError {
            #expect(error.seed == 3)
            #expect("\(error)".contains("a task waits for process"))
            #expect("\(error)".contains("Mute"))
        }
    }
}
