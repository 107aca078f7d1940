// SPDX-License-Identifier: Apache-2.0
// F1: a handler that throws ends its server and nothing else; whoever called or waited is told once.

import Martlet

/// Servers that are started and crash, over and over.
public enum CrashLoop {
    struct Crash: Error { let number: Int }

    struct Crasher: GenServer {
        enum Call { case crash(Int, From<Int>) }
        enum Cast { case crash(Int) }

        init(_: Void) {}

        mutating func handleCall(_ call: Call) throws -> Next {
            switch call {
            case .crash(let number, _): throw Crash(number: number)
            }
        }

        mutating func handleCast(_ cast: Cast) throws -> Next {
            switch cast {
            case .crash(let number): throw Crash(number: number)
            }
        }
    }

    private struct Told {
        var callers = 0, watchers = 0, strangers = 0
    }

    /// - Parameters:
    ///   - count: crashes.
    ///   - width: loops beside each other.
    public static func run(count: Int, width: Int = 8) async -> FaultReport {
        await withFaultRuntime("F1") { runtime, report in
            let bystander = try await QuietServer.start()
            let perLoop = count / width
            var told = Told()
            var atTenth = ProcessGauges.now.residentMiB
            let (_, seconds) = try await timed {
                // In ten parts, to look at the memory between them.
                for part in 0..<10 {
                    let each = perLoop / 10
                    try await withThrowingTaskGroup(of: Told.self) { group in
                        for _ in 0..<width {
                            group.addTask(executorPreference: runtime.executor) { try await loop(each) }
                        }
                        for try await part in group {
                            told.callers += part.callers
                            told.watchers += part.watchers
                            told.strangers += part.strangers
                        }
                    }
                    if part == 0 { atTenth = ProcessGauges.now.residentMiB }
                }
            }
            let crashes = perLoop / 10 * 10 * width
            report.measure("crashes", crashes)
            report.measure("crashes_per_s", Double(crashes) / seconds)
            report.measure("rss_growth_percent", (ProcessGauges.now.residentMiB / atTenth - 1) * 100)
            report.expectEqual(told.callers, crashes, "callers told of their crash")
            report.expectEqual(told.watchers, crashes, "watchers told of the end")
            report.expectEqual(told.strangers, 0, "told of another end than their own")
            try await CrashesWatched.run(count: crashes, &report)
            let answer = try await bystander.call { .echo(7, $0) }
            report.expectEqual(answer, 7, "a bystander")
        }
    }

    private static func loop(_ count: Int) async throws -> Told {
        var told = Told()
        for number in 0..<count {
            let server = try await Crasher.start()
            let watcher = Task { try await server.pid.waitForExit() }
            do throws(CallError) {
                _ = try await server.call(timeout: nil) { .crash(number, $0) }
            } catch {
                if case .exited(.error(let crash as Crash)) = error.reason, crash.number == number {
                    told.callers += 1
                } else {
                    told.strangers += 1
                }
            }
            // A watcher that came after the end hears that there is no such process.
            switch try await watcher.value {
            case .error(let crash as Crash) where crash.number == number: told.watchers += 1
            case .noProcess: told.watchers += 1
            default: told.strangers += 1
            }
        }
        return told
    }
}
