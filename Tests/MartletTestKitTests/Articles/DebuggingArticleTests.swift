// SPDX-License-Identifier: Apache-2.0
// The examples of Debugging.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Debugging.md", .timeLimit(.minutes(5)))
struct DebuggingArticleTests {
    struct Importer: GenServer {
        enum Cast { case page(Int) }
        private(set) var pages = 0
        init(_ url: String) {}
        mutating func handleCast(_ cast: Cast) -> Next {
            pages += 1
            return .wait
        }
    }

    @Test("looking inside, and holding still (R21)")
    func sys() async throws {
        try await withTestRuntime { test in
            let importer = try await Importer.start("page://1")
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

    @Test("who there is, who has most, who waits for whom (R21)")
    func looking() async throws {
        try await withTestRuntime { _ in
            let url = "page://1"
            try await withProcess(receiving: Never.self) { _ in
                let worker = try await Importer.start(url, options: StartOptions(label: "import of May"))
                // or, in the process, when it knows better:
                Pid.setLabel("import of May, page 7")
                #expect(worker.pid.status?.label == "import of May")
                #expect(Pid.current?.status?.label == "import of May, page 7")
                try await worker.stop()
            }
            let importer = try await Importer.start(url)
            for pid in Runtime.current.processes() {
                if let status = pid.status { print(status.pid, status.type, status.name ?? "-", status.activity) }
            }
            let slow = Runtime.current.top(10, by: .mailbox)  // who does not keep up
            let busy = Runtime.current.top(10, by: .handled)
            let large = Runtime.current.top(10, by: .memory)
            #expect([slow, busy, large].allSatisfy { $0.contains { $0.pid == importer.pid } })
            for (caller, target) in Runtime.current.waitGraph() { print(caller, "->", target) }
            try await importer.stop()
        }
    }

    @Test("a raw process takes part while it receives")
    func raw() async throws {
        try await withTestRuntime { test in
            let adder =
                spawn { (mailbox: inout Mailbox<Int>) in
                    var sum = 0
                    mailbox.answersSystemMessages = true
                    mailbox.formatStatus = { "sum \(sum)" }
                    while true { sum += try await mailbox.receive() }
                }
            adder.send(3)
            await test.clock.runUntilIdle()
            let state = try await adder.pid.sys.status().state
            #expect(state == "sum 3")
            adder.pid.exit(.shutdown)
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("what was not delivered")
    func lost() async throws {
        try await withTestRuntime { test in
            let reader = Task {
                for await letter in Runtime.current.deadLetters() {
                    print(letter.type, "for", letter.to, "from", letter.from.map { "\($0)" } ?? "?", letter.cause)
                }
            }
            await test.clock.runUntilIdle()
            reader.cancel()
            await reader.value
        }
    }

    struct Session: GenServer {
        private let user: Int
        private let token: Redacted<String>

        init(_ login: (user: Int, token: String)) {
            user = login.user
            token = Redacted(login.token)
        }

        func formatStatus() -> String { "user \(user), token \(token)" }  // user 7, token <redacted>
    }

    @Test("a state shows what it is told to show, and no secret (R16)")
    func redacted() async throws {
        try await withTestRuntime { test in
            let session = try await Session.start((user: 7, token: "secret"))
            #expect(try await session.sys.status().state == "user 7, token <redacted>")
            try await session.stop()
            test.assertNothingLeft()
        }
    }
}
