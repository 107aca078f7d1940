// SPDX-License-Identifier: Apache-2.0
// F19: what is used up is an error of the call that wanted it, and gone when it is given back.

import Martlet

/// The configurable limits, reached and left again.
public enum Limits {
    /// - Parameter processes: the limit of live processes.
    public static func run(processes: Int = 1_000) async -> FaultReport {
        await withFaultRuntime("F19") {
            $0.processesMax = processes
            $0.spareWorkersMax = 0
        } _: { _, report in
            var servers: [QuietServer.Ref] = []
            var refusals = 0
            for _ in 0..<processes + 100 {
                do throws(StartError) {
                    servers.append(try await QuietServer.start())
                } catch {
                    if case .systemLimit = error { refusals += 1 }
                }
            }
            report.measure("started", servers.count)
            report.measure("refused", refusals)
            report.expectEqual(servers.count, processes, "processes up to the limit")
            report.expectEqual(refusals, 100, "refusals over it")
            report.expectEqual(try await servers[0].call { .echo(3, $0) }, 3, "those that live go on")
            try await servers[0].stop()
            let again = try await QuietServer.start()
            report.expectEqual(try await again.call { .echo(4, $0) }, 4, "room again after one ended")
        }
    }
}
