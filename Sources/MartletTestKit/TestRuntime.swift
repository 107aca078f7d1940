// SPDX-License-Identifier: Apache-2.0
// A runtime of one test.

public import Martlet
internal import Testing

/// A deterministic runtime: one thread at a time, virtual time, one seed for every choice.
///
/// Same seed, same run (F27): who runs next, which of two timers is first, when time passes. What is not repeated:
/// pids, the order of a `Set` or `Dictionary`, `SystemRandomNumberGenerator`, and whatever threads and tasks outside the
/// runtime do; see the article *Testing servers*.
public struct TestRuntime: Sendable {
    /// The runtime, current within the test's body.
    public let runtime: Runtime
    /// Its time.
    public let clock: VirtualClock
    /// Its seed; a failure shows it.
    public let seed: UInt64
    let engine: TestEngine

    /// Crashes so far, in order.
    public var crashes: [Crash] { engine.crashes.all }

    /// A hash over what ran so far and when: two runs of one seed have the same.
    public var trace: UInt64 { engine.run.trace }

    /// How many steps the run has taken: messages, jobs of tasks, timers.
    public var steps: Int { Int(engine.run.steps) }

    /// Random numbers that the seed repeats; the same sequence each time it is asked for.
    public var random: SeededGenerator { SeededGenerator(seed: seed) }

    /// The live processes in the order of their starts, which unlike `Runtime.processes()` is the same in each replay.
    public var processes: [Pid] { engine.processes }

    /// Fails the test if a process, a timer, a call or a message is left, naming it, and of a process whom it is linked
    /// with and whom it watches.
    ///
    /// Probes do not count.
    ///
    /// - Parameters:
    ///   - fileID: where a failure is reported; the caller's by default.
    ///   - filePath: where a failure is reported; the caller's by default.
    ///   - line: where a failure is reported; the caller's by default.
    public func assertNothingLeft(
        fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line
    ) {
        let left = engine.whatIsLeft()
        if left.isEmpty { return }
        let location = SourceLocation(
            fileID: "\(fileID)", filePath: "\(filePath)", line: Int(line), column: 1)
        Issue.record("seed \(seed): left behind: \(left.joined(separator: "; "))", sourceLocation: location)
    }
}
