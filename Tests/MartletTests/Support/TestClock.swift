// SPDX-License-Identifier: Apache-2.0
// A runtime of one test, on time that the test moves. Not a deterministic scheduler: workers are threads; only the
// clock stands still.

import Foundation
import Testing

@testable import Martlet

/// A runtime and its clock.
struct TestRuntime: Sendable {
    let runtime: Runtime
    let time: ManualTime

    /// Moves the clock; timers fire in order of due time, and what they start runs to idle at each.
    func advance(by duration: Duration) async {
        await onThread { time.advanceBlocking(byNanoseconds: duration._unsignedNanoseconds) }
    }

    /// Waits until every worker sleeps; a handler that blocks at a gate does not count.
    func settle() async { await onThread { runtime.waitUntilIdleBlocking() } }

    /// Waits until that many timers are armed.
    ///
    /// A call's deadline is armed a moment before the call is in the mailbox: for that, make the call on the runtime's
    /// executor and `settle`.
    func timersArmed(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async {
        await eventually(sourceLocation: sourceLocation) { runtime.statistics.timers == count }
    }
}

/// Runs `body` with a runtime of its own, shuts it down, and expects that every message is accounted for and nothing is
/// left.
func withRuntime(
    workers: Int = 2, deadline: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation,
    configure: (inout Runtime.Configuration) -> Void = { _ in }, _ body: (TestRuntime) async throws -> Void
) async throws {
    Logs.install()
    let time = ManualTime()
    var configuration = Runtime.Configuration()
    configuration.workers = workers
    configuration.clock = RuntimeClock(manual: time)
    configure(&configuration)
    let runtime = Runtime(configuration)
    do {
        try await runtime.withCurrent { try await body(TestRuntime(runtime: runtime, time: time)) }
    } catch {
        await runtime.shutdown(deadline: .seconds(1))
        throw error
    }
    await expectNothingLeft(in: runtime, deadline: deadline, sourceLocation: sourceLocation)
}

/// Shuts a runtime down and checks its books.
func expectNothingLeft(
    in runtime: Runtime, deadline: Duration = .seconds(10), sourceLocation: SourceLocation
) async {
    let report = await runtime.shutdown(deadline: deadline)
    #expect(report.stuck.isEmpty || deadline == .zero, sourceLocation: sourceLocation)
    let statistics = runtime.statistics
    #expect(
        statistics.sent == statistics.handled + statistics.refused + statistics.discarded,
        "sent = handled + refused + discarded: \(statistics)", sourceLocation: sourceLocation)
    #expect(statistics.processes == 0, sourceLocation: sourceLocation)
    #expect(statistics.spawns == statistics.exits, sourceLocation: sourceLocation)
    #expect(statistics.timers == 0, sourceLocation: sourceLocation)
}

/// Runs code that blocks on a thread of its own: neither a worker nor one of Swift's pool.
func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
