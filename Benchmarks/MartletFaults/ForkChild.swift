// SPDX-License-Identifier: Apache-2.0
// F22: a child of fork that uses the runtime of its parent is told so, clearly, and does not hang.

import Foundation
import Martlet

/// Forks this process, and uses the runtime in the child.
public enum ForkChild {
    /// What the child does with the parent's runtime.
    public enum Use: String, CaseIterable, Sendable {
        case call, start, stop, kill, signal, blocking, statistics, runtime, nothing
    }

    /// Forks; the child does `use` and, if it gets that far, ends with status 0.
    ///
    /// The parent judges: the child must end by a trap, with a message that names fork; `nothing` must end with
    /// 0.
    public static func run(_ use: Use) async -> FaultReport {
        await withFaultRuntime("F22") { runtime, report in
            let server = try await QuietServer.start()
            report.expectEqual(try await server.call { .echo(1, $0) }, 1, "the parent before fork")
            let (status, message) = try unsafe child { act(use, runtime, server) }
            report.measure("child_signal", Int(status & 0x7f))
            report.measure("child_status", Int(status >> 8 & 0xff))
            if use == .nothing {
                report.expectEqual(status, 0, "status of a child that uses nothing")
            } else {
                report.expect(status & 0x7f != 0 && status & 0x7f != SIGALRM, "the child went on, or hung (\(status))")
                report.expect(message.contains("fork"), "the child's message: \(message)")
            }
            // The parent does not care.
            report.expectEqual(try await server.call { .echo(2, $0) }, 2, "the parent after fork")
        }
    }

    private static func act(_ use: Use, _ runtime: Runtime, _ server: QuietServer.Ref) {
        switch use {
        case .signal: server.pid.exit(.shutdown)
        case .call: _ = try? server.call(timeout: .seconds(1)) { .echo(1, $0) }
        case .start: _ = try? QuietServer.start()
        case .stop: try? server.stop(timeout: .seconds(1))
        case .kill: server.pid.kill()
        case .blocking: _ = Runtime.blocking { getpid() }
        case .statistics: _ = runtime.statistics
        case .runtime: _ = Runtime()
        case .nothing: break
        }
    }

    @unsafe
    private static func child(_ body: () -> Void) throws -> (status: Int32, message: String) {
        // Swift hides fork, for good reasons: this is one of the tests of them.
        typealias Fork = @convention(c) () -> pid_t
        guard let symbol = unsafe dlsym(nil, "fork") else { throw POSIXError(.ENOSYS) }
        let fork = unsafe unsafeBitCast(symbol, to: Fork.self)
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
        let pid = fork()
        if pid == 0 {
            dup2(ends[1], 2)
            close(ends[0])
            alarm(20)
            body()
            _exit(0)
        }
        close(ends[1])
        let message = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readDataToEndOfFile()
        var status: Int32 = 0
        unsafe waitpid(pid, &status, 0)
        return (status, String(decoding: message, as: UTF8.self))
    }
}
