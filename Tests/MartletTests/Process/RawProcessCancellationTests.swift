// SPDX-License-Identifier: Apache-2.0
// A process that is a scope of a Swift task, when the task is cancelled.

import Testing

@testable import Martlet

@Suite("Cancellation of a raw process", .timeLimit(.minutes(5)))
struct RawProcessCancellationTests {
    /// What a body heard: messages, and how it was told to end.
    private static func listen(_ mailbox: inout Mailbox<Int>, _ record: Record<String>) async {
        do throws(ExitSignal) {
            while true { record.add("\(try await mailbox.receive())") }
        } catch {
            record.add("\(error.reason)")
        }
    }

    @Test("cancelling the task ends a receive that waits, in good order")
    func waiting() async throws {
        try await withRuntime { test in
            let record = Record()
            let task = Task {
                try await withProcess(receiving: Int.self) { mailbox in
                    await Self.listen(&mailbox, record)
                    return mailbox.ref.pid.isAlive
                }
            }
            await test.settle()
            task.cancel()
            let isAlive = try await task.value
            #expect(isAlive)
            #expect(record.all == ["shutdown (CancellationError)"])
        }
    }

    @Test(
        "a cancelled task receives what was sent before, nothing of what is sent later, and every further receive throws"
    )
    func order() async throws {
        try await withRuntime { test in
            let record = Record()
            let gate = Gate()
            let address = Record(ProcessRef<Int>.self)
            // The gate holds a thread: one of the runtime's, which has others.
            let task = Task(executorPreference: test.runtime.executor) {
                try await withProcess(receiving: Int.self) { mailbox in
                    address.add(mailbox.ref)
                    gate.pass()
                    await Self.listen(&mailbox, record)
                    await Self.listen(&mailbox, record)
                    _ = try await mailbox.receive(timeout: .zero)
                }
            }
            await gate.arrived()
            for process in address.all { for number in 1...3 { process.send(number) } }
            task.cancel()
            for process in address.all { process.send(4) }
            gate.open()
            let error = await #expect(throws: ExitSignal.self) { try await task.value }
            #expect(error?.reason.isAbnormal == false)
            let end = "shutdown (CancellationError)"
            #expect(record.all == ["1", "2", "3", end, end])
        }
    }

    @Test("a task that was cancelled before becomes a process that is told to end")
    func before() async throws {
        try await withRuntime { test in
            let record = Record()
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await withProcess(receiving: Int.self) { mailbox in await Self.listen(&mailbox, record) }
            }
            task.cancel()
            try await task.value
            #expect(record.all == ["shutdown (CancellationError)"])
        }
    }

    @Test("a cancellation that meets the end of its process does nothing", .tags(.stress))
    func late() async throws {
        try await withRuntime { _ in
            for _ in 0..<500 {
                let task = Task {
                    try await withProcess(receiving: Int.self) { mailbox in
                        mailbox.ref.send(1)
                        return try await mailbox.receive()
                    }
                }
                task.cancel()
                switch await task.result {
                case .success(let number): #expect(number == 1)
                case .failure(let error): #expect(error is ExitSignal)
                }
            }
        }
    }
}
