// SPDX-License-Identifier: Apache-2.0
// The examples of Processes.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Processes.md", .timeLimit(.minutes(5)))
struct ProcessesArticleTests {
    enum Message: Sendable {
        case increment
        case get(replyTo: ProcessRef<Int>)
    }

    func counter() -> ProcessRef<Message> {
        spawn { (mailbox: inout Mailbox<Message>) in
            var count = 0
            while true {
                switch try await mailbox.receive() {
                case .increment: count += 1
                case .get(let client): client.send(count)
                }
            }
        }
    }

    @Test("spawn, send, receive, and a task that is a process for a while (S1)")
    func talk() async throws {
        try await withTestRuntime { test in
            let counter = counter()
            counter.send(.increment)
            let count = try await withProcess(receiving: Int.self) { mailbox in
                counter.send(.get(replyTo: mailbox.ref))
                return try await mailbox.receive()
            }
            #expect(count == 1)
            counter.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("an alias is good for one request (R4)")
    func alias() async throws {
        try await withTestRuntime { test in
            let counter = counter()
            try await withProcess(receiving: Int.self) { mailbox in
                let alias = mailbox.alias()
                counter.send(.get(replyTo: alias))
                let count = try await mailbox.receive(through: alias, timeout: .seconds(5))
                mailbox.unalias(alias)  // a late reply vanishes, whether it has come already or not
                #expect(count == 0)
            }
            counter.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("a selective receive takes what it is asked for and leaves the rest in order")
    func selection() async throws {
        try await withTestRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                for number in [1, 2, 30, 4] { mailbox.ref.send(number) }
                let large = try await mailbox.receive(timeout: .zero) { $0 > 9 ? $0 : nil }  // 30, passing over 1 and 2
                let first = try await mailbox.receive()  // 1
                #expect(large == 30)
                #expect(first == 1)
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    struct Broken: Error {}

    @Test("links and trapped exits (R12, R14)")
    func links() async throws {
        try await withTestRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                let worker = spawnLink(Never.self) { _ in throw Broken() }
                if case .exit(worker.pid, let reason) = try await mailbox.receiveInfo() {
                    print("the worker has ended:", reason)  // error (Broken)
                }
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("monitors")
    func monitors() async throws {
        try await withTestRuntime { test in
            let worker = counter()
            try await withProcess(receiving: Never.self) { mailbox in
                let monitor = worker.pid.monitor()
                worker.pid.exit(.shutdown)
                if case .down(monitor, let pid, let reason) = try await mailbox.receiveInfo() {
                    print(pid, "is down:", reason)  // shutdown
                }
                #expect(monitor.cancel() == false)  // it has fired
            }
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
