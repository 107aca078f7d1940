// SPDX-License-Identifier: Apache-2.0
// What the tests of the examples share: lines to read, and a runtime of its own whose time stands still.

import Testing

@testable import Examples
@testable import Martlet

/// Collects what an example prints, and prints it.
final class Lines: Sendable {
    private let lines = _Locked<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var output: Output {
        { line in
            self.lines.withLock { $0.append(line) }
            print(line)
        }
    }
}

/// A runtime, and its time.
struct ExampleRuntime {
    let runtime: Runtime
    let time: ManualTime

    /// Moves time on and runs what is due; returns when all is idle.
    func advance(_ duration: Duration) {
        time.advanceBlocking(byNanoseconds: duration._unsignedNanoseconds)
    }
}

/// Runs `body` in a runtime of its own, shuts it down, and expects every message and process to be accounted for.
func withExampleRuntime(_ body: (ExampleRuntime) async throws -> Void) async throws {
    let time = ManualTime()
    var configuration = Runtime.Configuration()
    configuration.workers = 2
    configuration.clock = RuntimeClock(manual: time)
    let runtime = Runtime(configuration)
    do {
        try await runtime.withCurrent { try await body(ExampleRuntime(runtime: runtime, time: time)) }
    } catch {
        await runtime.shutdown(deadline: .zero)
        throw error
    }
    let report = await runtime.shutdown()
    #expect(report.stuck.isEmpty)
    let statistics = runtime.statistics
    #expect(statistics.sent == statistics.handled + statistics.refused + statistics.discarded)
    #expect(statistics.processes == 0)
}

extension Pid {
    /// What the process is doing, in a word.
    var activity: String { status.map { "\($0.activity)" } ?? "gone" }
}
