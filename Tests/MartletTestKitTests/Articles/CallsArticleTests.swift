// SPDX-License-Identifier: Apache-2.0
// The examples of Calls.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Calls.md", .timeLimit(.minutes(5)))
struct CallsArticleTests {
    struct Shop: GenServer {
        struct SoldOut: Error {}
        enum Call {
            case price(of: String, From<Int?>)
            case buy(String, From<Result<Int, SoldOut>>)
        }
        enum Cast { case stock(String, price: Int, count: Int) }

        private var shelf: [String: (price: Int, count: Int)] = [:]
        init(_: Void) {}

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .price(let item, let from):
                return from.reply(shelf[item]?.price)
            case .buy(let item, let from):
                guard let (price, count) = shelf[item], count > 0 else { return from.reply(.failure(SoldOut())) }
                shelf[item] = (price, count - 1)
                return from.reply(.success(price))
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            if case .stock(let item, let price, let count) = cast { shelf[item] = (price, count) }
            return .wait
        }
    }

    @Test("a call is typed by its case; the server's errors are values, the call's are thrown (R3, S13)")
    func call() async throws {
        try await withTestRuntime { test in
            let shop = try await Shop.start()
            shop.cast(.stock("tea", price: 4, count: 1))
            let price = try await shop.call { .price(of: "tea", $0) }  // Int?
            let paid = try await shop.call { .buy("tea", $0) }.get()  // throws CallError or SoldOut
            #expect(price == 4)
            #expect(paid == 4)
            await #expect(throws: Shop.SoldOut.self) { try await shop.call { .buy("tea", $0) }.get() }
            try await shop.stop()
            test.assertNothingLeft()
        }
    }

    func priceNow(of item: String, in shop: Shop.Ref) async throws(CallError) -> Int? {
        do {
            return try await shop.call(timeout: .milliseconds(200)) { .price(of: item, $0) }
        } catch .timeout {
            return nil  // the shop was not told, and may still be at it; its reply will vanish
        }
    }

    @Test("a timeout is caught by its name (R3, S14)")
    func timeout() async throws {
        try await withTestRuntime { test in
            let shop = try await Shop.start()
            shop.cast(.stock("tea", price: 4, count: 1))
            #expect(try await priceNow(of: "tea", in: shop) == 4)
            try await shop.stop()
            await #expect(throws: CallError.self) { try await priceNow(of: "tea", in: shop) }
        }
    }

    struct Bakery: GenServer {
        enum Call { case bread(From<String>) }
        enum Message { case baked(String) }
        private var waiting: [From<String>] = []
        init(_: Void) {}

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .bread(let from): waiting.append(from)
            }
            return .wait  // the caller waits, the bakery does not
        }

        mutating func handleInfo(_ info: Info<Message>) -> Next {
            if case .message(.baked(let bread)) = info, !waiting.isEmpty { waiting.removeFirst().reply(bread) }
            return .wait
        }
    }

    @Test("a deferred reply comes when there is one, or fails with the server (S17, S25)")
    func deferred() async throws {
        try await withTestRuntime { test in
            let bakery = try await Bakery.start()
            bakery.sendAfter(.seconds(2), .baked("rye"))
            #expect(try await bakery.call { .bread($0) } == "rye")
            let hungry = Task { try await bakery.call { .bread($0) } }
            await test.clock.runUntilIdle()
            try await bakery.stop()
            await #expect(throws: CallError.self) { try await hungry.value }
        }
    }

    @Test("requests overlap, and many are taken as they arrive")
    func requests() async throws {
        try await withTestRuntime { test in
            let shop = try await Shop.start()
            let other = try await Shop.start()
            for shop in [shop, other] { shop.cast(.stock("tea", price: 4, count: 1)) }
            let tea = shop.request { .price(of: "tea", $0) }
            let milk = other.request { .price(of: "milk", $0) }
            let sum = try await (tea.value() ?? 0) + (milk.value() ?? 0)
            #expect(sum == 4)

            let shops = [shop, other]
            var prices: [Int] = []
            var offers = PendingReplies<Shop.Ref, Int?>()
            for shop in shops { offers.insert(shop.request { .price(of: "tea", $0) }, label: shop) }
            while let (shop, offer) = await offers.next(timeout: .seconds(1), abandoningRest: true) {
                if let price = try? offer.get() {
                    print(shop, "asks", price)
                    prices.append(price)
                }
            }
            #expect(prices == [4, 4])
            for shop in shops { try await shop.stop() }
            test.assertNothingLeft()
        }
    }

    struct Importer: GenServer {
        enum Cast { case line(String) }
        static let mailbox = MailboxPolicy.bounded(2, whenFull: .reject)
        private var lines = 0
        init(_: Void) {}
        mutating func handleCast(_ cast: Cast) -> Next {
            lines += 1
            return .wait
        }
    }

    @Test("a sender chooses to wait for room or to be told (S9)")
    func bounded() async throws {
        try await withTestRuntime { test in
            let importer = try await Importer.start()
            let lines = (1...100).map { "line \($0)" }
            for line in lines { try await importer.castWaiting(.line(line)) }  // waits for room
            if importer.cast(.line("one more")) == .full { print("the importer is busy") }  // never waits
            try await importer.stop()
            #expect(test.runtime.deadLetterCounts[.full] ?? 0 <= 1)
        }
    }

    struct Buyer: GenServer {
        enum Call { case tea(From<Int?>) }
        private let shop: Shop.Ref
        init(_ shop: Shop.Ref) { self.shop = shop }

        mutating func handleCall(_ call: Call) throws -> Next {
            switch call {
            case .tea(let from):
                // Asked with a limit of a second, the shop has what is left of it, and not five seconds.
                from.reply(try shop.call { .price(of: "tea", $0) })
            }
        }
    }

    @Test("a nested call has what is left of its request's time, and blocks no other server (R3, S43)")
    func nested() async throws {
        try await withTestRuntime { test in
            let shop = try await Shop.start()
            let buyer = try await Buyer.start(shop)
            #expect(try await buyer.call(timeout: .seconds(1)) { .tea($0) } == nil)
            try await buyer.stop()
            try await shop.stop()
            test.assertNothingLeft()
        }
    }
}
