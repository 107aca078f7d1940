// SPDX-License-Identifier: Apache-2.0
// The examples of Testing.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Testing.md")
struct TestingArticleTests {
    struct Cache: GenServer {
        enum Call { case get(String, From<String?>) }
        enum Cast { case put(String, String) }
        typealias Message = String
        private var values: [String: String] = [:]
        init(_: Void) {}

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .get(let key, let from): from.reply(values[key])
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            if case .put(let key, let value) = cast {
                values[key] = value
                Self.current.sendAfter(.seconds(60), key)
            }
            return .wait
        }

        mutating func handleInfo(_ info: Info<String>) -> Next {
            if case .message(let key) = info { values[key] = nil }
            return .wait
        }
    }

    struct Counter: GenServer {
        struct DivisionByZero: Error {}
        enum Call { case increment(by: Int, From<Int>) }
        enum Cast { case divide(by: Int) }
        private var count: Int
        init(_ count: Int) { self.count = count }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .increment(let n, let from):
                count += n
                return from.reply(count)
            }
        }

        mutating func handleCast(_ cast: Cast) throws -> Next {
            guard case .divide(let n) = cast, n != 0 else { throw DivisionByZero() }
            count /= n
            return .wait
        }
    }

    @Test func cacheForgetsAfterAMinute() async throws {
        try await withTestRuntime { test in
            let cache = try await Cache.start()
            cache.cast(.put("a", "1"))
            await test.clock.advance(by: .seconds(59))
            #expect(try await cache.call { .get("a", $0) } == "1")
            await test.clock.advance(by: .seconds(1))
            #expect(try await cache.call { .get("a", $0) } == nil)
            try await cache.stop()
            test.assertNothingLeft()
        }
    }

    @Test func counterCrashesAndIsHeardOf() async throws {
        try await withTestRuntime { test in
            let probe = Probe(Never.self)
            let counter = try await Counter.start(0)
            probe.watch(counter.pid)
            counter.cast(.divide(by: 0))  // throws
            let reason = try await probe.expectDown(of: counter.pid)
            #expect(reason.isAbnormal)
            #expect(test.crashes.count == 1)  // captured, not logged
        }
    }

    @Test func stopAgainstCall() async throws {
        try await explore(seeds: 0..<1_000) { test in
            let counter = try await Counter.start(0)
            async let reply = counter.call { .increment(by: 1, $0) }
            async let stop: Void = counter.stop()
            do { try #require(try await reply == 1) } catch let error as CallError {
                switch error.reason {
                case .exited(.normal), .noProcess: break  // the stop was first
                default: throw error
                }
            }
            try await stop
            test.assertNothingLeft()
        }
    }
}
