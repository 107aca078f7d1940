// SPDX-License-Identifier: Apache-2.0
// A server that awaits another one.

import Testing

@testable import Examples
@testable import Martlet

@Suite("AsyncRelayExample")
struct AsyncRelayExampleTests {
    @Test("many ask at once; each is served in one piece, though each waits for the counter")
    func forwards() async throws {
        try await withExampleRuntime { _ in
            let counter = try await Counter.start(7)
            let relay = try await AsyncRelay.start(counter)
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await relay.forward() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(counts == Array(repeating: 7, count: 20))
            #expect(try await relay.lines() == (0..<20).flatMap { _ in ["asked", "7"] })
        }
    }

    @Test("when the counter is gone, the relay ends with that error, and its caller hears of it")
    func counterGone() async throws {
        try await withExampleRuntime { _ in
            let counter = try await Counter.start(7)
            let relay = try await AsyncRelay.start(counter)
            try await counter.stop()
            do throws(CallError) {
                _ = try await relay.forward()
                Issue.record("expected the relay to end")
            } catch {
                guard case .exited(.error(let reason)) = error.reason else { throw error }
                #expect(reason is CallError)
            }
        }
    }
}
