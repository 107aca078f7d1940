// SPDX-License-Identifier: Apache-2.0
// The examples of WhenNotToUse.md, as they stand there.

import Martlet
import MartletTestKit
import Synchronization
import Testing

@Suite("WhenNotToUse.md", .timeLimit(.minutes(5)))
struct WhenNotToUseArticleTests {
    struct Invoice {
        var lines: [(text: String, cents: Int)] = []
        var total: Int { lines.reduce(0) { $0 + $1.cents } }
        mutating func add(_ text: String, cents: Int) { lines.append((text, cents)) }
    }

    @Test("a value needs no process (S45)")
    func value() {
        var invoice = Invoice()
        invoice.add("tea", cents: 400)
        #expect(invoice.total == 400)
    }

    final class PriceList: Sendable {
        private let latest = Mutex<[String: Int]>([:])
        subscript(item: String) -> Int? { latest.withLock { $0[item] } }
        fileprivate func publish(_ prices: [String: Int]) { latest.withLock { $0 = prices } }
    }

    struct PriceKeeper: GenServer {
        enum Call { case set(String, Int, From<Void>) }
        private var prices: [String: Int] = [:]
        private let list: PriceList
        init(_ list: PriceList) { self.list = list }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .set(let item, let price, let from):
                prices[item] = price
                list.publish(prices)  // before the reply: who was answered reads what it wrote
                return from.reply()
            }
        }
    }

    @Test("one server writes, everybody reads without it (S45)")
    func readSide() async throws {
        try await withTestRuntime { test in
            let list = PriceList()
            let keeper = try await PriceKeeper.start(list)
            try await keeper.call { .set("tea", 4, $0) }
            #expect(list["tea"] == 4)
            try await keeper.stop()
            test.assertNothingLeft()
        }
    }

    actor Downloads {
        private var running = 0
        func fetch(_ page: Int) async -> String {
            running += 1
            defer { running -= 1 }
            await Task.yield()  // others run here
            return "page \(page), one of \(running)"
        }
    }

    @Test("an actor where calls should overlap (S45)")
    func overlapping() async throws {
        try await withTestRuntime { _ in
            let downloads = Downloads()
            async let first = downloads.fetch(1)
            async let second = downloads.fetch(2)
            #expect(await first.hasPrefix("page 1"))
            #expect(await second.hasPrefix("page 2"))
        }
    }
}
