// SPDX-License-Identifier: Apache-2.0
// `.caller`: handlers that run on the thread of their caller.

import Foundation
import Testing

@testable import Martlet

@Suite("In-place execution", .timeLimit(.minutes(5)))
struct InPlaceTests {
    @Test("a call to an idle .caller server runs on the caller's thread, as the server's process")
    func onCallersThread() async throws {
        try await withRuntime { test in
            let server = try await InPlaceDesk.begin()
            await test.settle()
            let record = Record(Bool.self)
            await onThread {
                let mine = pthread_self()
                _ = try? server.askBlocking { _, from in
                    record.add(pthread_equal(mine, pthread_self()) != 0 && Pid.current == server.pid)
                    return from.reply(1)
                }
            }
            #expect(record.all == [true])
            #expect(Pid.current == nil)
        }
    }

    @Test("casts to a .caller server run on a worker, and calls see them (R5)")
    func castsFirst() async throws {
        try await withRuntime { _ in
            let server = try await InPlaceDesk.begin()
            for round in 0..<500 {
                server.cast(.note(round))
                #expect(try await server.ask { $1.reply($0.seen.count) } == round + 1)
            }
        }
    }

    @Test("8 tasks that call one .caller server sum exactly, none lost or doubled", .tags(.stress))
    func contention() async throws {
        struct InPlaceCounter: GenServer {
            enum Call { case add(Int, From<Int>) }
            static let execution = Execution.caller
            var sum = 0
            init(_: Void) {}
            mutating func handleCall(_ call: Call) -> Next {
                switch call {
                case .add(let n, let from):
                    sum += n
                    return from.reply(sum)
                }
            }
        }
        try await withRuntime { _ in
            let server = try await InPlaceCounter.start()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { for _ in 0..<5_000 { _ = try await server.call { .add(1, $0) } } }
                }
                try await group.waitForAll()
            }
            #expect(try await server.call { .add(0, $0) } == 40_000)
        }
    }

    @Test("reply then stop in place: the caller hears the reply after terminate, and the server is gone (R10)")
    func replyThenStop() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await InPlaceDesk.begin {
                $0.terminate = { _, reason in record.add("terminate \(reason)") }
            }
            let answer = try await server.ask { _, from in from.reply(3, then: .stop()) }
            record.add("reply \(answer)")
            #expect(record.all == ["terminate normal", "reply 3"])
            // The reply comes before the exit (R10): a call at that moment would still be queued, and fail with the reason.
            _ = try await server.pid.waitForExit()
            #expect(await reason { try await server.ask { $1.reply(1) } } == "no process")
        }
    }

    @Test("a throw in place ends the server with it, after terminate; the caller hears the reason (R11)")
    func throwing() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await InPlaceDesk.begin {
                $0.terminate = { _, reason in record.add("terminate \(reason)") }
            }
            #expect(await reason { try await server.ask { _, _ in throw Failure() } } == "exited: error (Failure)")
            #expect(record.all == ["terminate error (Failure)"])
            #expect(await reason { try await server.ask { $1.reply(1) } } == "no process")
        }
    }

    @Test("a call in place can be deferred and answered by a later handler")
    func deferred() async throws {
        try await withRuntime { _ in
            let server = try await InPlaceDesk.begin()
            async let first = server.ask(timeout: nil) { $0.postpone($1) }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 1 }
            server.tell { state in state.deferred[0].reply(9) }
            let value = try await first
            #expect(value == 9)
        }
    }

    @Test("a deferred call in place times out, and fails with the server's reason when it ends (R3)")
    func deferredEnds() async throws {
        try await withRuntime { test in
            let server = try await InPlaceDesk.begin()
            await test.settle()
            let first = Task { await reason { try await server.ask(timeout: .seconds(1)) { $0.postpone($1) } } }
            await test.timersArmed(1)
            await test.advance(by: .seconds(2))
            #expect(await first.value == "timeout")
            let second = Task { await reason { try await server.ask(timeout: nil) { $0.postpone($1) } } }
            await eventually { (try? await server.ask { $1.reply($0.deferred.count) }) == 2 }
            try await server.stop(.shutdown)
            #expect(await second.value == "exited: shutdown")
        }
    }

    @Test(
        "a kill during a handler in place fails the call at once, and the state ends when the handler does",
        .tags(.leak))
    func kill() async throws {
        let census = Census()
        try await withRuntime { test in
            let gate = Gate()
            let tracked = Record(Tracked.self)
            let server = try await InPlaceDesk.begin { [census] in
                let resource = Tracked(census)
                $0.terminate = { _, _ in tracked.add(resource) }
            }
            await test.settle()
            let record = Record()
            async let done: Void = onThread {
                do throws(CallError) {
                    _ = try server.askBlocking(timeout: nil) { _, from in
                        gate.passHoldingWorker()
                        return from.reply(1)
                    }
                } catch { record.add("\(error.reason)") }
            }
            await gate.arrived()
            server.pid.kill()
            _ = try await server.pid.waitForExit()
            #expect(!server.pid.isAlive)
            #expect(await reason { try await server.ask { $1.reply(1) } } == "no process")
            gate.open()
            await done
            #expect(record.all == ["exited: killed"])
            #expect(tracked.count == 0)
        }
        #expect(census.alive == 0)
    }

    @Test("a kill before a worker acts on a reply-then-stop in place drops the reply and leaks nothing", .tags(.leak))
    func killBeforeStop() async throws {
        struct Giver: GenServer {
            enum Call { case give(From<Tracked>) }
            static let execution = Execution.caller
            let census: Census
            init(_ census: Census) { self.census = census }
            mutating func handleCall(_ call: Call) -> Next {
                switch call {
                case .give(let from): from.reply(Tracked(census), then: .stop())
                }
            }
        }
        let census = Census()
        try await withRuntime(workers: 1) { test in
            let giver = try await Giver.start(census)
            let blocker = try await Desk.begin()
            await test.settle()
            let gate = Gate()
            blocker.tell { _ in
                gate.passHoldingWorker()
                return .wait
            }
            await gate.arrived()
            let call = Task { await reason { try await giver.call(timeout: nil) { .give($0) } } }
            await eventually { census.total == 1 }
            giver.pid.kill()
            gate.open()
            #expect(await call.value == "exited: killed")
            await test.settle()
            #expect(census.alive == 0)
        }
    }

    @Test("a .caller server that calls another .caller server answers through both")
    func chain() async throws {
        try await withRuntime { _ in
            let inner = try await InPlaceDesk.begin()
            let outer = try await InPlaceDesk.begin()
            let record = Record(Pid?.self)
            await onThread {
                for _ in 0..<100 {
                    let answer = try? outer.askBlocking { _, from in
                        from.reply(try inner.askBlocking { $1.reply(4) })
                    }
                    #expect(answer == 4)
                }
            }
            #expect(
                try await outer.ask { _, from in
                    record.add(Pid.current)
                    return from.reply(1)
                } == 1)
            #expect(record.all == [outer.pid])
        }
    }

    @Test("a .caller server that calls itself in place fails with callingSelf")
    func callingSelf() async throws {
        try await withRuntime { test in
            let server = try await InPlaceDesk.begin()
            await test.settle()
            let record = Record()
            await onThread {
                _ = try? server.askBlocking { _, from in
                    do throws(CallError) { _ = try server.askBlocking { $1.reply(1) } } catch {
                        record.add("\(error.reason)")
                    }
                    return from.reply(1)
                }
            }
            #expect(record.all == ["calling itself"])
        }
    }
}
