// SPDX-License-Identifier: Apache-2.0
// Replies given later, elsewhere, twice or too late.

import Testing

@testable import Martlet

@Suite("Deferred replies", .tags(.parity), .timeLimit(.minutes(5)))
struct DeferredReplyTests {
    @Test("a reply may be given by a later handler, while other requests are answered (S17, S25)")
    func laterHandler() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let deferred = Task(executorPreference: test.runtime.executor) {
                try await server.ask { state, from in state.postpone(from) }
            }
            await test.settle()
            #expect(try await server.ask { $1.reply(2) } == 2)
            server.tell { state in
                state.deferred.first?.reply(1)
                return .wait
            }
            #expect(try await deferred.value == 1)
        }
    }

    @Test("a reply may be given by a plain thread, a task and another process (S17)")
    func anywhere() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            let other = try await Desk.begin()
            let byThread = try await server.ask { _, from in
                Task { await onThread { from.reply(1) } }
                return .wait
            }
            let byTask = try await server.ask { _, from in
                Task { from.reply(2) }
                return .wait
            }
            let byProcess = try await server.ask { _, from in
                other.tell { _ in from.reply(3) }
                return .wait
            }
            #expect([byThread, byTask, byProcess] == [1, 2, 3])
        }
    }

    @Test("a reply given twice: the first one counts, the second vanishes (R4)")
    func twice() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            for _ in 0..<100 {
                let first = try await server.ask { _, from in
                    from.reply(1)
                    return from.reply(2)
                }
                #expect(first == 1)
            }
        }
    }

    @Test("of two threads that answer one call exactly one is heard (R4)")
    func race() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            let census = Census()
            for _ in 0..<200 {
                let answer = try await server.ask { _, from in
                    for value in 1...2 {
                        let tracked = Tracked(census)
                        Task.detached {
                            _ = tracked
                            from.reply(value)
                        }
                    }
                    return .wait
                }
                #expect(answer == 1 || answer == 2)
            }
            await eventually { census.alive == 0 }
        }
    }

    @Test("a late reply is not taken for the answer to a later request, and is destroyed (R4)", .tags(.leak))
    func late() async throws {
        struct Vault: GenServer {
            enum Call { case keep(From<Tracked>), get(From<Tracked>) }
            enum Cast { case answer(Census) }
            var kept: [From<Tracked>] = []
            let census: Census
            init(_ census: Census) { self.census = census }
            mutating func handleCall(_ call: Call) -> Next {
                switch call {
                case .keep(let from): kept.append(from)
                case .get(let from): from.reply(Tracked(census))
                }
                return .wait
            }
            mutating func handleCast(_ cast: Cast) -> Next {
                for from in kept { from.reply(Tracked(census)) }
                return .wait
            }
        }
        let census = Census()
        try await withRuntime { test in
            let server = try await Vault.start(census)
            for _ in 0..<10 {
                let call = Task(executorPreference: test.runtime.executor) {
                    await reason { try await server.call(timeout: .milliseconds(10)) { .keep($0) } }
                }
                await test.settle()
                await test.advance(by: .milliseconds(20))
                #expect(await call.value == "timeout")
            }
            server.cast(.answer(census))
            let fresh = try await server.call { .get($0) }
            #expect(census.total == 11)
            #expect(fresh.census.alive == 1)
        }
        #expect(census.alive == 0)
    }

    @Test("a deferred request times out like any other (R3)")
    func deferredTimeout() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            let call = Task(executorPreference: test.runtime.executor) {
                await reason { try await server.ask { state, from in state.postpone(from) } }
            }
            await test.settle()
            await test.advance(by: .seconds(6))
            #expect(await call.value == "timeout")
            #expect(try await server.ask { $1.reply(2) } == 2)
        }
    }
}

extension Scripted {
    /// Keeps a request to be answered later.
    mutating func postpone(_ from: From<Int>) -> Next {
        deferred.append(from)
        return .wait
    }
}
