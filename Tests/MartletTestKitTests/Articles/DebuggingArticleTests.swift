// SPDX-License-Identifier: Apache-2.0
// The examples about `sys` of Documentation/Debugging.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Debugging.md", .timeLimit(.minutes(1)))
struct DebuggingArticleTests {
    struct Importer: GenServer {
        enum Cast { case page(Int) }
        private(set) var pages = 0
        init(_: Void) {}
        mutating func handleCast(_ cast: Cast) -> Next {
            pages += 1
            return .wait
        }
    }

    @Test("looking inside, and holding still (R21)")
    func sys() async throws {
        try await withTestRuntime { test in
            let importer = try await Importer.start()
            importer.cast(.page(1))
            try await importer.sys.keepLog(100)
            try await importer.sys.collectStatistics(true)
            let pages = try await importer.sys.withState { $0.pages }  // in place: the state need not be copyable
            for event in try await importer.sys.log() { print(event.time, event.kind) }  // types, no values
            if let counts = try await importer.sys.statistics() { print(counts.messagesIn, counts.busy) }
            #expect(pages <= 1)

            try await importer.sys.suspend()
            importer.cast(.page(2))
            #expect(try await importer.pid.sys.status().isSuspended)
            try await importer.sys.resume()
            await test.clock.runUntilIdle()
            #expect(try await importer.sys.withState { $0.pages } == 2)
            try await importer.stop()
            test.assertNothingLeft()
        }
    }
}
