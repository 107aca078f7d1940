// SPDX-License-Identifier: Apache-2.0
// Stages at their edges: demand before the subscription is made, ends with nothing wanted, stops with events kept.

import MartletTestKit
import Testing

@testable import Martlet

/// Asks by itself, as soon as it has subscribed.
private struct Eager: Stage {
    typealias Input = Int
    struct Setup: Sendable {
        let producer: Counters<ByDemand>.Ref
        let seen: Seen
    }
    private let setup: Setup
    init(_ setup: Setup) {
        self.setup = setup
        Self.current.subscribe(to: setup.producer).ask(3)
    }
    mutating func handleSubscribe(_ subscription: Subscription) -> Subscription.Demand { .manual }
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        setup.seen.add(events)
        return .wait
    }
}

@Suite("Edges of stages")
struct StageEdgeTests {
    @Test("a consumer that asks in init, before the subscription is made, gets what it asked for")
    func askInInit() async throws {
        try await withTestRuntime { test async throws in
            let seen = Seen()
            let numbers = try await Counters<ByDemand>.start(.max)
            let sink = try await Eager.start(.init(producer: numbers, seen: seen))
            await test.clock.runUntilIdle()
            #expect(seen.all == [0, 1, 2])
            for stage in [numbers.pid, sink.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }
}
