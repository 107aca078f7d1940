// SPDX-License-Identifier: Apache-2.0
// Waiting for what nobody can signal.

internal import Martlet

/// Waits until `condition` holds, while the current runtime runs.
///
/// For conditions that no probe can see. In a test runtime it looks each virtual millisecond; elsewhere as often as the
/// machine allows, in real time, also where a ``VirtualClock`` stands still.
///
/// - Parameters:
///   - limit: when to give up; by default after 1 second in a test runtime, 20 of real time elsewhere.
///   - fileID: where a failure is reported; the caller's by default.
///   - line: where a failure is reported; the caller's by default.
///   - condition: what must hold; asked once at least.
/// - Throws: ``ProbeFailure`` when it did not hold in time; what the condition throws.
public nonisolated(nonsending) func eventually(
    within limit: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line,
    _ condition: () async throws -> Bool
) async throws {
    if let run = Runtime.current.deterministicRun {
        let limit = limit ?? .seconds(1)
        let deadline = Duration.nanoseconds(run.now) + limit
        while try await !condition() {
            guard .nanoseconds(run.now) < deadline, let wait = TimedWait(limit: .milliseconds(1)) else {
                throw ProbeFailure("expected a condition to hold within \(limit), and it did not", fileID, line)
            }
            _ = await wait.wait()
        }
        return
    }
    let limit = limit ?? .seconds(20)
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw ProbeFailure("expected a condition to hold within \(limit), and it did not", fileID, line)
        }
        await Task.yield()
    }
}
