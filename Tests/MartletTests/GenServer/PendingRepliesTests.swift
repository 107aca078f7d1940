// SPDX-License-Identifier: Apache-2.0
// Collections of replies to come: in the order of arrival, with labels, within a time.

import Testing

@testable import Martlet

@Suite("PendingReplies", .timeLimit(.minutes(5)))
struct PendingRepliesTests {
    /// A server that answers its requests in the order that it is told.
    private static func keeper() async throws -> Desk.Ref { try await Desk.begin() }

    private static func later(_ server: Desk.Ref, timeout: Duration? = nil) -> PendingReply<Int> {
        server.request(timeout: timeout) { .ask($0) { $0.postpone($1) } }
    }

    private static func answer(_ server: Desk.Ref, _ order: [Int]) {
        server.tell { state in
            for index in order { state.deferred[index].reply(index * 10) }
            return .wait
        }
    }

    private static func text(_ next: (label: String, reply: Result<Int, CallError>)?) -> String {
        guard let next else { return "nil" }
        switch next.reply {
        case .success(let value): return "\(next.label)=\(value)"
        case .failure(let error): return "\(next.label): \(error.reason)"
        }
    }

    @Test("replies come in the order of arrival, with their labels; then nil (reqids)")
    func order() async throws {
        try await withRuntime { test in
            let server = try await Self.keeper()
            var replies = PendingReplies<String, Int>()
            for name in ["a", "b", "c", "d"] { replies.insert(Self.later(server), label: name) }
            #expect(replies.count == 4)
            Self.answer(server, [2, 0])
            await test.settle()
            var seen: [String] = []
            for _ in 0..<2 { seen.append(Self.text(await replies.next())) }
            #expect(replies.count == 2)
            Self.answer(server, [3, 1])
            while replies.count > 0 { seen.append(Self.text(await replies.next())) }
            #expect(seen == ["c=20", "a=0", "d=30", "b=10"])
            #expect(Self.text(await replies.next()) == "nil")
            await test.settle()
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("next waits without looking again, and is woken by the first reply")
    func waits() async throws {
        try await withRuntime { test in
            let server = try await Self.keeper()
            let task = Task(executorPreference: test.runtime.executor) {
                var replies = PendingReplies<String, Int>()
                for name in ["a", "b", "c"] { replies.insert(Self.later(server), label: name) }
                var seen: [String] = []
                while let next = await replies.next() { seen.append(Self.text(next)) }
                return seen
            }
            await test.settle()
            Self.answer(server, [1])
            await test.settle()
            Self.answer(server, [2, 0])
            #expect(await task.value == ["b=10", "c=20", "a=0"])
        }
    }

    @Test("every outcome arrives, those that are over already too")
    func outcomes() async throws {
        try await withRuntime { test in
            let server = try await Self.keeper()
            let other = try await Self.keeper()
            var replies = PendingReplies<String, Int>()
            replies.insert(Self.later(server, timeout: .seconds(1)), label: "late")
            replies.insert(Self.later(other), label: "ended")
            let abandoned = Self.later(server)
            abandoned.abandon()
            replies.insert(abandoned, label: "abandoned")
            await test.settle()
            try await other.stop(.shutdown)
            replies.insert(Self.later(other), label: "nobody")
            await test.advance(by: .seconds(2))
            var seen: Set<String> = []
            while let next = await replies.next() { seen.insert(Self.text(next)) }
            #expect(seen == ["late: timeout", "ended: exited: shutdown", "abandoned: cancelled", "nobody: no process"])
        }
    }

    @Test("a timeout keeps the rest, or abandons it")
    func timeouts() async throws {
        try await withRuntime { test in
            let server = try await Self.keeper()
            let task = Task(executorPreference: test.runtime.executor) {
                var replies = PendingReplies<String, Int>()
                for name in ["a", "b"] { replies.insert(Self.later(server, timeout: .seconds(60)), label: name) }
                let first = await replies.next(timeout: .seconds(1))
                let kept = replies.count
                let second = await replies.next(timeout: .seconds(1), abandoningRest: true)
                return "\(Self.text(first)) \(kept) \(Self.text(second)) \(replies.count)"
            }
            await test.timersArmed(3)
            await test.advance(by: .milliseconds(1100))
            await test.timersArmed(3)
            await test.advance(by: .milliseconds(1100))
            #expect(await task.value == "nil 2 nil 0")
            #expect(test.runtime.statistics.timers == 0)
            // The replies that still come vanish.
            Self.answer(server, [0, 1])
            await test.settle()
            #expect(test.runtime.deadLetterCounts[.lateReply] == 2)
        }
    }

    @Test("cancelling the task ends the wait and keeps the requests")
    func cancelled() async throws {
        try await withRuntime { test in
            let server = try await Self.keeper()
            let task = Task(executorPreference: test.runtime.executor) {
                var replies = PendingReplies<String, Int>()
                replies.insert(Self.later(server), label: "a")
                let first = Self.text(await replies.next())
                return (first, replies)
            }
            await test.settle()
            task.cancel()
            var (first, replies) = await task.value
            #expect(first == "nil" && replies.count == 1)
            Self.answer(server, [0])
            #expect(Self.text(await replies.next()) == "a=0")
        }
    }

    @Test("a collection that goes away abandons what is left of it, arrived or not")
    func goesAway() async throws {
        try await withRuntime { test in
            let server = try await Self.keeper()
            do {
                var replies = PendingReplies<Int, Int>()
                for label in 0..<6 { replies.insert(Self.later(server, timeout: .seconds(5)), label: label) }
                await test.settle()
                Self.answer(server, [0, 1, 2])
                await test.settle()
                #expect(await replies.next() != nil)
            }
            #expect(test.runtime.statistics.timers == 0)
        }
    }

    @Test("10,000 replies of 16 servers, each once", .tags(.stress))
    func many() async throws {
        try await withRuntime { test in
            var servers: [Desk.Ref] = []
            for _ in 0..<16 { servers.append(try await Desk.begin()) }
            var replies = PendingReplies<Int, Int>()
            for number in 0..<10_000 {
                replies.insert(servers[number % 16].request { .ask($0) { $1.reply(number) } }, label: number)
            }
            var sum = 0
            while let next = await replies.next() {
                #expect(try next.reply.get() == next.label)
                sum += next.label
            }
            #expect(sum == 49_995_000 && replies.count == 0)
            await test.settle()
            #expect(test.runtime.statistics.timers == 0)
        }
    }
}
