// SPDX-License-Identifier: Apache-2.0
// The examples of OneOffTasks.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

private struct NotFound: Error {}

@Sendable private func fetch(_ page: Int) async throws -> String {
    if page == 3 { throw NotFound() }
    return "page \(page)"
}

private func settle(_ amount: Int) async throws -> Int { amount }

private enum Tenant {
    @TaskLocal static var current = "nobody"
}

/// Whose work this is, as the work sees it.
private func audit(for caller: Pid?) async throws -> [String] {
    async let below = Tenant.current
    let parent = Pid.current?.status?.ancestors.first
    return [Tenant.current, await below, parent == caller ? "the caller's" : "another's"]
}

@Suite("OneOffTasks.md")
struct TasksArticleTests {
    @Test("a task gives one value, in time (S45)")
    func value() async throws {
        try await withTestRuntime { test async throws in
            let task = Tasks.async { try await fetch(1) }
            let page = try await task.value(timeout: .seconds(1))
            #expect(page == "page 1")
            await test.settle()
        }
    }

    private func firstOrEnd(_ task: TaskRef<String>) async throws -> String? {
        if let early = try await task.yield(timeout: .milliseconds(10)) { return early }
        return try await task.shutdown()  // the value after all, or nil
    }

    @Test("looking first, ending then")
    func yield() async throws {
        try await withTestRuntime { test async throws in
            #expect(try await firstOrEnd(Tasks.async { "early" }) == "early")
            let late = Tasks.async { [clock = test.clock] in
                try await clock.sleep(for: .seconds(1))
                return "late"
            }
            #expect(try await firstOrEnd(late) == nil)
            await test.settle()
        }
    }

    @Test("many, two at a time; one that fails is a failure of that one")
    func stream() async throws {
        try await withTestRuntime { test async throws in
            var pages: [String] = []
            var failures: [TaskError] = []
            for await result in Tasks.stream(1...4, concurrency: 2, fetch) {
                switch result {
                case .success(let page): pages.append(page)
                case .failure(let error): failures.append(error)
                }
            }
            #expect(pages == ["page 1", "page 2", "page 4"] && failures.count == 1)
            await test.settle()
        }
    }

    struct Bank: GenServer {
        enum Call { case transfer(Int, From<Result<Int, any Error>>) }
        enum Message { case done(Result<Int, any Error>, From<Result<Int, any Error>>) }

        init(_: Void) {}

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .transfer(let amount, let from):
                Self.current.sendResult(of: { try await settle(amount) }) { .done($0, from) }
                return .wait
            }
        }

        mutating func handleInfo(_ info: Info<Message>) -> Next {
            if case .message(.done(let result, let from)) = info { from.reply(result) }
            return .wait
        }
    }

    @Test("work out of a handler comes back as a message, and the reply with it (S25)")
    func sendResult() async throws {
        try await withTestRuntime { test async throws in
            let bank = try await Bank.start()
            #expect(try await bank.call { .transfer(5, $0) }.get() == 5)
            try await bank.stop()
            await test.settle()
        }
    }

    @Test("a supervised task")
    func supervised() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init(maxChildren: 10))
            let other = try workers.async(linked: false) { try await fetch(2) }
            #expect(try await other.value() == "page 2")
            try await workers.stop()
            await test.settle()
        }
    }

    @Test(
        "work knows of who asked what it captures: task-locals stay behind, and a supervised task's parent is another")
    func captured() async throws {
        try await withTestRuntime { test async throws in
            let workers = try await TaskSupervisor.start(.init())
            try await withProcess(receiving: Never.self) { _ in
                try await Tenant.$current.withValue("ada") {
                    let (caller, tenant) = (Pid.current, Tenant.current)
                    let audited = try workers.async(linked: false) {
                        try await Tenant.$current.withValue(tenant) { try await audit(for: caller) }
                    }
                    #expect(try await audited.value() == ["ada", "ada", "another's"])
                    let unbound = Tasks.async { try await audit(for: caller) }
                    #expect(try await unbound.value() == ["nobody", "nobody", "the caller's"])
                }
            }
            try await workers.stop()
            await test.settle()
        }
    }
}
