// SPDX-License-Identifier: Apache-2.0
// Proves that the clients of an actor leave it between two calls.
//
// In `for _ in 0..<n { await actor.increment() }` nothing happens between the calls, so the optimiser removes the hop
// back from the actor: the client takes the actor once and increments n times, a hundred times faster than clients that
// take turns. The check runs the clients' own loop and, between two calls, stops and lets another task call. Where the
// client still holds the actor, that task cannot get in.

import Dispatch
import Foundation
import MartletBenchCore

enum HopCheck {
    /// Far more than a call takes on a busy machine.
    private static let patience = DispatchTimeInterval.seconds(5)

    /// Throws when a client holds the server between calls.
    ///
    /// Returns how many calls it made.
    static func check<Target: CallTarget>(_ target: Target) async throws -> Int {
        // The stopped client occupies a thread of the pool: with a single one the other task could not run at all.
        if ProcessInfo.processInfo.activeProcessorCount < 2 { return 0 }
        _ = try await Clients.tasks(1) { _ in
            try await CallWorkload.calls(target, 1, LatencySampler(interval: 1, expectedOperations: 1)) {
                try letAnotherIn(target)
            }
        }
        return 2
    }

    private static func letAnotherIn<Target: CallTarget>(_ target: Target) throws {
        let wasLetIn = DispatchSemaphore(value: 0)
        Task.detached {
            _ = try await target.increment()
            wasLetIn.signal()
        }
        if wasLetIn.wait(timeout: .now() + patience) == .timedOut {
            throw WrongResult("clients hold the actor between calls: the optimiser has removed the hop back")
        }
    }
}
