// SPDX-License-Identifier: Apache-2.0
// A minute without a message hibernates the cache, once; any message starts the minute anew.

import Martlet
import Testing

@testable import Examples

@Suite("CacheServerExample")
struct CacheServerExampleTests {
    private let idle = "Cache idle, hibernating..."

    @Test("after an idle minute it says so once, and hibernates")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            let cache = try await cacheTour(output: lines.output)
            test.advance(.seconds(59))
            #expect(lines.all == ["hello"])
            #expect(cache.pid.activity == "waiting")
            test.advance(.seconds(2))
            #expect(lines.all == ["hello", idle])
            #expect(cache.pid.activity == "hibernating")
            test.advance(.seconds(3_600))
            #expect(lines.all == ["hello", idle])
        }
    }

    @Test("the minute runs from the start on")
    func fromStart() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            _ = try await CacheServer.start(.init(output: lines.output))
            test.advance(.seconds(61))
            #expect(lines.all == [idle])
        }
    }

    @Test("a put wakes it and arms the timeout again")
    func rearms() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            let cache = try await CacheServer.start(.init(output: lines.output))
            test.advance(.seconds(61))
            cache.put("a", "1")
            test.advance(.seconds(59))
            #expect(cache.pid.activity == "waiting")
            #expect(lines.all == [idle])
            test.advance(.seconds(2))
            #expect(cache.pid.activity == "hibernating")
            #expect(lines.all == [idle, idle])
            #expect(try await cache.get("a") == "1")
        }
    }

    @Test("puts, gets and messages of strangers start the minute anew")
    func postpones() async throws {
        let lines = Lines()
        try await withExampleRuntime { test in
            let cache = try await CacheServer.start(.init(output: lines.output))
            test.advance(.seconds(40))
            cache.put("a", "1")
            test.advance(.seconds(40))
            #expect(try await cache.get("b") == nil)
            test.advance(.seconds(40))
            cache.pid.send(any: "hello")
            test.advance(.seconds(40))
            #expect(lines.all.isEmpty)
            test.advance(.seconds(21))
            #expect(lines.all == [idle])
        }
    }
}
