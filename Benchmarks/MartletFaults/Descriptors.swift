// SPDX-License-Identifier: Apache-2.0
// F20: no file descriptor to be had: the runtime needs none, so it starts, works and rests as ever.

import Foundation
import Martlet

/// A runtime in a process whose descriptors are used up.
public enum Descriptors {
    /// Opens files until the system refuses, then runs a runtime.
    ///
    /// With a low limit (`ulimit -n 64`).
    public static func run() async -> FaultReport {
        var taken: [Int32] = []
        while taken.count < 1 << 20 {
            let descriptor = unsafe open("/dev/null", O_RDONLY)
            guard descriptor >= 0 else { break }
            taken.append(descriptor)
        }
        let refusal = errno
        var report = await withFaultRuntime("F20") { runtime, report in
            let server = try await QuietServer.start()
            for number in 0..<1_000 {
                report.expectEqual(try await server.call { .echo(number, $0) }, number, "a call without descriptors")
            }
            let before = ProcessGauges.processorTime
            // On the runtime's own timer: a sleep of Swift's needs a descriptor, and hangs here.
            _ = try? await server.call(timeout: .seconds(1)) { .ignore($0) }
            let percent = (ProcessGauges.processorTime - before) / Duration.seconds(1) * 100
            report.measure("idle_processor_percent", percent)
            report.expect(percent < 20, "a busy loop: \(percent) % of a processor while idle")
        }
        for descriptor in taken { close(descriptor) }
        report.measure("descriptors_taken", taken.count)
        report.expectEqual(refusal, EMFILE, "the reason of the last refusal")
        report.expect(ProcessGauges.now.descriptors < 16, "descriptors were kept")
        return report
    }
}
