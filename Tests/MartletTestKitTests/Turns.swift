// SPDX-License-Identifier: Apache-2.0
// Tests of ten thousand seeds compute all the time. All at once they would take the processors from tests that have
// limits of real time, and be done no earlier.

import Foundation
import Martlet
import Testing

/// Half of the processors at most run tests with this trait.
struct TakesTurns: TestTrait, SuiteTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await body() }
        await Turns.take()
        defer { Turns.giveBack() }
        try await body()
    }
}

extension Trait where Self == TakesTurns {
    static var takesTurns: Self { TakesTurns() }
}

private enum Turns {
    private static let state = _Locked(
        (free: max(1, ProcessInfo.processInfo.activeProcessorCount / 2), waiting: [CheckedContinuation<Void, Never>]()))

    static func take() async {
        await withCheckedContinuation { waiter in
            let hasTurn = state.withLock { state in
                if state.free == 0 {
                    state.waiting.append(waiter)
                    return false
                }
                state.free -= 1
                return true
            }
            if hasTurn { waiter.resume() }
        }
    }

    static func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
