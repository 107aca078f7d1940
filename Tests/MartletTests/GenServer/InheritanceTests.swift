// SPDX-License-Identifier: Apache-2.0
// What a handler has of its caller, and what the tasks that it creates have of it (Calls.md).

import Testing

@testable import Martlet

@Suite("What goes along", .timeLimit(.minutes(5)))
struct InheritanceTests {
    @TaskLocal private static var trace = 0

    @Test("task-locals of the caller stay with it, whoever handles; in place they are there by chance")
    func taskLocals() async throws {
        try await withRuntime { test in
            let (plain, suspending) = (try await Desk.begin(), try await AsyncDesk.begin())
            let inPlace = try await InPlaceDesk.begin()
            await test.settle()
            try await Self.$trace.withValue(7) {
                #expect(try await plain.ask { $1.reply(Self.trace) } == 0)
                #expect(try await suspending.ask { $1.reply(Self.trace) } == 0)
                #expect(try await inPlace.ask { $1.reply(Self.trace) } == 7)
                let started = try await Desk.begin { $0.begin = { $0.seen = [Self.trace] } }
                #expect(try await started.call { .seen($0) } == [0])
                try await withProcess(receiving: Int.self) { mailbox in
                    #expect(Self.trace == 7)
                    let ref = mailbox.ref
                    spawn(Never.self) { _ in ref.send(Self.trace) }
                    let ofSpawned = try await mailbox.receive()
                    #expect(ofSpawned == 0)
                }
            }
        }
    }

    @Test("what a handler binds holds in all that it awaits, and in the tasks that it creates there")
    func bound() async throws {
        try await withRuntime { test in
            let desk = try await AsyncDesk.begin()
            let sum = try await desk.ask { _, from in
                let sum = await Self.$trace.withValue(1) {
                    async let child = Self.trace
                    return await child + Task { Self.trace }.value + Task.detached { Self.trace }.value
                }
                return from.reply(10 * sum + Self.trace)
            }
            #expect(sum == 20)
        }
    }

    /// What a tracing library keeps.
    private struct ServiceContext {
        @TaskLocal static var current: ServiceContext?
        let id: Int
    }

    private struct Kitchen: AsyncGenServer {
        enum Call { case order(String, ServiceContext?, From<String>) }
        typealias Cast = Never
        init(_: Void) async {}
        func order(_ item: String) async throws -> String { "\(item) of \(ServiceContext.current?.id ?? 0)" }
        mutating func handleCall(_ call: Call) async throws -> Next {
            switch call {
            case .order(let item, let context, let from):
                return try await ServiceContext.$current.withValue(context) { from.reply(try await order(item)) }
            }
        }
    }

    @Test("a trace context goes in the message, and the handler binds it")
    func traceContext() async throws {
        try await withRuntime { test in
            let kitchen = try await Kitchen.start()
            let first = try await kitchen.call { .order("tea", ServiceContext(id: 7), $0) }
            #expect(first == "tea of 7")
            let second = try await kitchen.call { .order("tea", ServiceContext.current, $0) }
            #expect(second == "tea of 0")
        }
    }

    @Test("a deadline goes along with what the handler itself waits for, not with tasks that it creates (S20)")
    func deadlines() async throws {
        try await withRuntime { test in
            let (desk, other) = (try await AsyncDesk.begin(), try await AsyncDesk.begin())
            @Sendable func isLimited() async throws -> Bool {
                try await other.ask(timeout: nil) { _, from in from.reply(from.remaining == nil ? 0 : 1) } == 1
            }
            let found = Record([Bool].self)
            _ = try await desk.ask(timeout: .seconds(5)) { _, from in
                async let child = isLimited()
                found.add([
                    try await isLimited(), try await child, try await Task { try await isLimited() }.value,
                ])
                from.reply(1)
                found.add([try await isLimited()])
                return .wait
            }
            #expect(found.all.first == [true, false, false])
            await eventually { found.count == 2 }
            #expect(found.all.last == [false])
        }
    }
}
