// SPDX-License-Identifier: Apache-2.0
// The examples of Exits.md, as they stand there.

import Martlet
import MartletTestKit
import Synchronization
import Testing

@Suite("Exits.md", .timeLimit(.minutes(5)))
struct ExitsArticleTests {
    struct Session: GenServer {
        struct Broken: Error {}
        enum Cast { case close, finish(Int), fail }
        init(_: Void) {}

        mutating func handleCast(_ cast: Cast) throws -> Next {
            switch cast {
            case .close: return .stop()  // normal
            case .finish(let result): return .stop(.shutdownWith(result))  // good order, with a value
            case .fail: throw Broken()  // error(Broken()): a crash
            }
        }

        mutating func terminate(_ reason: ExitReason) { print("last words:", reason) }
    }

    @Test("each way out has its reason (R10, R11, R16)", arguments: 0..<4)
    func reasons(way: Int) async throws {
        try await withTestRuntime { test in
            let probe = Probe(Never.self)
            let session = try await Session.start()
            probe.watch(session.pid)
            switch way {
            case 0: session.cast(.close)
            case 1: session.cast(.finish(7))
            case 2: session.cast(.fail)
            default: session.pid.kill()
            }
            let reason = try await probe.expectDown(of: session.pid)
            #expect("\(reason)" == ["normal", "shutdown (Int)", "error (Broken)", "killed"][way])
            #expect(test.crashes.count == (way == 2 ? 1 : 0))
        }
    }

    /// Stands for a lock file or a socket.
    final class Locks: Sendable {
        private let held = Atomic(0)
        var count: Int { held.load(ordering: .sequentiallyConsistent) }
        func take() { held.add(1, ordering: .sequentiallyConsistent) }
        func giveBack() { held.subtract(1, ordering: .sequentiallyConsistent) }
    }

    struct Lock: ~Copyable {
        private let locks: Locks
        init(_ locks: Locks) {
            self.locks = locks
            locks.take()
        }
        deinit { locks.giveBack() }
    }

    struct Writer: GenServer, ~Copyable {
        private let lock: Lock
        init(_ locks: Locks) { lock = Lock(locks) }
        mutating func terminate(_ reason: ExitReason) { print("flush what can be flushed") }
    }

    @Test("a deinit runs however the server ends, terminate does not (S10, S44)", arguments: [false, true])
    func cleanup(killed: Bool) async throws {
        try await withTestRuntime { test in
            let locks = Locks()
            let writer = try await Writer.start(locks)
            #expect(locks.count == 1)
            if killed { writer.pid.kill() } else { try await writer.stop() }
            await test.clock.runUntilIdle()
            #expect(locks.count == 0)
            test.assertNothingLeft()
        }
    }

    struct Keeper: GenServer {
        enum Message { case start }
        static let trapsExits = true
        private var session: Session.Ref?
        init(_: Void) {}
        var afterInit: Next { .continue }

        mutating func handleContinue() throws -> Next {
            session = try Session.startLink()
            return .wait
        }

        mutating func handleInfo(_ info: Info<Message>) throws -> Next {
            switch info {
            case .exit(session?.pid, let reason) where reason.isAbnormal: return .continue  // start another
            case .exit(session?.pid, _): return .stop()
            case .exit(_, let reason): throw ExitSignal(reason)  // whoever else is linked
            case .message, .timeout, .down, .unexpected: return .wait
            }
        }
    }

    @Test("a server that traps decides what the end of another means (R12)")
    func trapping() async throws {
        try await withTestRuntime { test in
            let keeper = try await Keeper.start()
            await test.clock.runUntilIdle()
            let first = try #require(test.processes.last)
            #expect(first != keeper.pid)
            first.kill()
            await test.clock.runUntilIdle()
            let second = try #require(test.processes.last)
            #expect(second != first && second != keeper.pid)
            ServerRef<Session>(second)?.cast(.close)
            await test.clock.runUntilIdle()
            #expect(!keeper.pid.isAlive)
        }
    }
}
