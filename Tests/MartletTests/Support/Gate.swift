// SPDX-License-Identifier: Apache-2.0
// A place where a handler waits until the test lets it go on.

import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Martlet

/// Handlers pass; the test waits for them to arrive and opens.
final class Gate: Sendable {
    /// Seconds after which a test that hangs fails; it waits for whatever else the machine does.
    private static let limit = 60.0
    private let arrivals = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)
    /// Handlers that wait with another worker standing in.
    private let inside = Atomic(0)

    /// In a handler: tells the test and waits, with another worker standing in.
    func pass() {
        inside.add(1, ordering: .sequentiallyConsistent)
        Runtime.blocking { passHoldingWorker() }
        // Only now the runtime counts this thread as running again.
        inside.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// In a handler: the same, but keeps the worker's thread, as code that does not know of the runtime.
    func passHoldingWorker() {
        arrivals.signal()
        _ = opened.wait(timeout: .now() + 90)
    }

    /// In the test: waits until that many more handlers stand at the gate.
    func arrived(_ count: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) async {
        let arrivals = arrivals
        for _ in 0..<count {
            let result = await onThread { arrivals.wait(timeout: .now() + Self.limit) }
            #expect(result == .success, "nobody arrived at the gate", sourceLocation: sourceLocation)
        }
    }

    /// In the test: lets that many handlers pass, also such as come later; returns when those that stand here have gone
    /// on, so that `settle` waits for what they do.
    func open(_ count: Int = 1) {
        let staying = max(0, inside.load(ordering: .sequentiallyConsistent) - count)
        for _ in 0..<count { opened.signal() }
        let deadline = ContinuousClock.now + .seconds(Self.limit)
        while inside.load(ordering: .sequentiallyConsistent) > staying, ContinuousClock.now < deadline { sched_yield() }
    }
}
