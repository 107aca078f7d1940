// SPDX-License-Identifier: Apache-2.0
// What is known about an abnormal end (R16). Names of types and cases, never values, but for the state as its server
// chooses to show it.

/// One abnormal end of a process.
///
/// Logged through swift-log, at most `Configuration.crashReportsPerSecond` a second, and offered as a stream. Not made for
/// `.normal`, `.shutdown` and `.shutdownWith`, nor for a kill: nobody's code failed.
///
/// OTP: the crash report of `proc_lib` and the error report of `gen_server`, in one.
public struct CrashReport: Sendable {
    /// The process as it was, before its end began.
    public let process: ProcessStatus
    /// Why.
    public let reason: ExitReason
    /// Type and case of the message it was handling, as `Counter.Call.increment`.
    ///
    /// The type alone for a call on its caller's thread and for very large messages; `init`, `continue`, `timeout` or
    /// `terminate` where that callback threw; nil if it was handling nothing.
    public let message: String?
    /// The process that sent that message; nil if it was none, or not known: only calls tell.
    public let client: Pid?
    /// The state as `formatStatus` showed it before `terminate`, at most 4,096 bytes; by default the type's name.
    public let state: String
    /// Where the error was thrown, innermost caller first; empty if that is not known.
    ///
    /// Known for an error thrown by a handler on its own thread. A stripped executable has offsets in place of names: feed
    /// them to `llvm-symbolizer` with the unstripped one.
    public let backtrace: [String]
}

extension Runtime {
    /// Crash reports from now on.
    ///
    /// Not limited by the rate of the log. Newest dropped when the reader is slow. While a stream is read, each crash calls
    /// `formatStatus` and looks up the symbols of its backtrace. A report follows the end of its process, which others may
    /// have heard of; of two that end one after the other either may be reported first.
    ///
    /// - Parameter buffer: how many to keep for a slow reader; 256 by default, at least 1.
    /// - Returns: the stream; it ends with its reader.
    public func crashReports(buffer: Int = 256) -> AsyncStream<CrashReport> {
        AsyncStream(bufferingPolicy: .bufferingOldest(max(1, buffer))) { continuation in
            let context = context
            let id = context.crashes.add { report in
                if let report = report as? CrashReport { continuation.yield(report) }
            }
            continuation.onTermination = { _ in context.crashes.remove(id) }
        }
    }
}
