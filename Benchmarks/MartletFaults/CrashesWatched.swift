// SPDX-License-Identifier: Apache-2.0
// F1, the rates: what a crash and its DOWN cost, without the calls and waiting tasks of CrashLoop.

import Martlet

/// Crashes that one process watches.
enum CrashesWatched {
    /// Under way at once.
    private static let batch = 500

    /// - Parameters:
    ///   - count: raw processes that are started watched and crash; a tenth as many servers, which are there before the
    ///     clock runs.
    ///   - report: gets the rates, and what was not told once.
    static func run(count: Int, _ report: inout FaultReport) async throws {
        let (raw, servers) = try await onRuntime { mailbox in
            (try await rawProcesses(count, &mailbox), try await self.servers(count / 10, &mailbox))
        }
        report.measure("spawn_crash_down_per_s", Double(count) / raw.seconds)
        report.measure("server_crash_down_per_s", Double(count / 10) / servers.seconds)
        report.expectEqual(raw.told, count, "DOWNs of raw processes")
        report.expectEqual(servers.told, count / 10, "DOWNs of servers")
    }

    private struct Result {
        var told = 0
        var seconds = 0.0
    }

    /// Runs `body` as a process on a worker.
    private static func onRuntime<R: Sendable>(
        _ body: @escaping @Sendable (inout Mailbox<Never>) async throws -> R
    ) async throws -> R {
        try await Task(executorPreference: Runtime.current.executor) {
            try await withProcess(receiving: Never.self) { try await body(&$0) }
        }.value
    }

    /// spawnMonitor, a throw, its DOWN.
    private static func rawProcesses(_ count: Int, _ mailbox: inout Mailbox<Never>) async throws -> Result {
        var result = Result()
        var missing: [MonitorRef: Int] = [:]
        let start = ContinuousClock.now
        for number in 0..<count {
            let (_, monitor) = spawnMonitor(Never.self) { _ in throw CrashLoop.Crash(number: number) }
            missing[monitor] = number
            guard missing.count == batch || number == count - 1 else { continue }
            while !missing.isEmpty { result.told += try await hear(&mailbox, &missing) }
        }
        result.seconds = (ContinuousClock.now - start) / .seconds(1)
        return result
    }

    /// A cast that throws, and its DOWN.
    private static func servers(_ count: Int, _ mailbox: inout Mailbox<Never>) async throws -> Result {
        var result = Result()
        for first in stride(from: 0, to: count, by: batch) {
            var missing: [MonitorRef: Int] = [:]
            var servers: [ServerRef<CrashLoop.Crasher>] = []
            for number in first..<min(first + batch, count) {
                let (server, monitor) = try await CrashLoop.Crasher.startMonitor()
                missing[monitor] = number
                servers.append(server)
            }
            let start = ContinuousClock.now
            for (index, server) in servers.enumerated() { server.cast(.crash(first + index)) }
            while !missing.isEmpty { result.told += try await hear(&mailbox, &missing) }
            result.seconds += (ContinuousClock.now - start) / .seconds(1)
        }
        return result
    }

    /// The next DOWN; 1: it is one that is missing, with its own reason.
    private static func hear(
        _ mailbox: inout Mailbox<Never>, _ missing: inout [MonitorRef: Int]
    ) async throws -> Int {
        guard case .down(let monitor, _, .error(let crash as CrashLoop.Crash)) = try await mailbox.receiveInfo(),
            let number = missing.removeValue(forKey: monitor)
        else { return 0 }
        return crash.number == number ? 1 : 0
    }
}
