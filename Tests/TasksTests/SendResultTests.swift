// SPDX-License-Identifier: Apache-2.0
// Slow work whose result comes back as a message (S25).

import MartletTestKit
import Testing

@testable import Martlet

@Suite("sendResult")
struct SendResultTests {
    private static func describe(_ result: Result<Int, any Error>) -> Owner.Message {
        switch result {
        case .success(let number): return .done("\(number)")
        case .failure(let signal as ExitSignal): return .done("ended \(signal.reason)")
        case .failure(let error): return .done("\(error)")
        }
    }

    @Test("a value, a throw and a death are each one message; the server goes on meanwhile (S25)")
    func outcomes() async throws {
        try await withTestRuntime { test async throws in
            let owner = try await Owner.start()
            owner.cast(
                .tell { [clock = test.clock] _ in
                    Owner.current.sendResult(of: { 1 }, Self.describe)
                    Owner.current.sendResult(
                        of: {
                            try await clock.sleep(for: .milliseconds(1))
                            throw Failure()
                        }, Self.describe)
                    let pid = Owner.current.sendResult(
                        of: {
                            try await clock.sleep(for: .seconds(9))
                            return 3
                        }, Self.describe)
                    _ = Tasks.start {
                        try await clock.sleep(for: .milliseconds(2))
                        pid.kill()
                    }
                })
            await test.clock.advance(by: .milliseconds(5))
            let seen = try await owner.seen
            #expect(seen == ["1", "Failure()", "ended killed"])
            #expect(test.crashes.isEmpty)
            try await owner.stop()
            await test.settle()
        }
    }

    @Test(
        "a full mailbox neither refuses nor drops the result, nor that of others behind it",
        arguments: [MailboxPolicy.Overflow.reject, .dropNewest, .dropOldest])
    func fullMailbox(_ overflow: MailboxPolicy.Overflow) async throws {
        try await withTestRuntime { test async throws in
            let owner = try await Owner.start(options: StartOptions(mailbox: .bounded(2, whenFull: overflow)))
            try await owner.sys.suspend()
            for number in 0..<3 { owner.sendResult(of: { number }, Self.describe) }
            await test.clock.advance(by: .milliseconds(5))
            for _ in 0..<5 { owner.process.send(.done("other")) }
            await test.clock.advance(by: .milliseconds(5))
            try await owner.sys.resume()
            await test.clock.runUntilIdle()
            let seen = try await owner.seen
            #expect(seen.filter { $0 != "other" }.sorted() == ["0", "1", "2"])
            try await owner.stop()
            await test.settle()
        }
    }

    @Test("the work outlives the server; its result goes nowhere")
    func deadServer() async throws {
        try await withTestRuntime { test async throws in
            let probe = Probe<Int>()
            let owner = try await Owner.start()
            owner.cast(
                .tell { [clock = test.clock] _ in
                    Owner.current.sendResult(
                        of: {
                            try await clock.sleep(for: .milliseconds(5))
                            probe.ref.send(1)
                            return 1
                        }, Self.describe)
                    throw Failure()
                })
            try await probe.expect(1)
            await test.clock.runUntilIdle()
            await test.settle()
        }
    }
}
