// SPDX-License-Identifier: Apache-2.0
// What a runtime is built with.

internal import CMartlet
internal import Glibc
public import Logging

extension Runtime {
    /// What a runtime is built with; fixed when it is created.
    public struct Configuration: Sendable {
        /// Worker threads, 1 to 1,024.
        ///
        /// Default nil: online cores.
        public var workers: Int?
        /// Messages one turn of a worker handles before its process goes to the back of the queue.
        ///
        /// At least 1; default 128 (F17). A turn also ends after 1 ms.
        public var runBudget: Int = 128
        /// Threads that may stand in for blocked workers: of blocking calls and `Runtime.blocking` at once, of other
        /// handlers that block or compute after 10 ms.
        ///
        /// Default 64 (F16); over it a blocking call fails with `overloaded`, and a long handler keeps its worker.
        public var spareWorkersMax: Int = 64
        /// A handler that runs longer is reported once.
        ///
        /// Default 100 ms; nil turns the watchdog off.
        public var stallLimit: Duration? = .milliseconds(100)
        /// The time source.
        ///
        /// Default: the monotonic clock with a tick of 1 ms.
        public var clock: RuntimeClock = .monotonic
        /// Live processes allowed, 1 to 16,777,216, which is the default; over it `start` fails with `systemLimit`.
        public var processesMax: Int = 1 << 24

        /// The level that crash reports are logged at; default `error` (R16).
        public var crashReportLevel: Logger.Level = .error
        /// Crash reports logged a second, at least 0; default 10.
        ///
        /// The rest is counted, and the next report says how many there were. A crash loop must not become a log flood.
        public var crashReportsPerSecond: Int = 10
        /// Whether a trap on a thread that runs a handler writes one line to standard error that names the process and
        /// the message; default true.
        ///
        /// The handlers of SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE and SIGABRT are installed once for the OS process, by
        /// the first runtime that wants them; they go on to those that were there.
        public var trapBreadcrumb: Bool = true

        /// How long a handler keeps its worker's queue waiting before another thread takes the queue over.
        ///
        /// Ten turns: long against what a thread's wake-up costs and what a busy machine takes a thread off its core
        /// for, short against what a caller notices.
        private static let standInAfter: Duration = .milliseconds(10)

        /// The defaults above.
        public init() {}

        func check(file: StaticString, line: UInt) {
            func expect(_ range: ClosedRange<Int>, _ name: String, _ value: Int) {
                precondition(
                    range.contains(value),
                    "expected \(name) in \(range.lowerBound)...\(range.upperBound), got \(value)",
                    file: file, line: line)
            }
            if let workers { expect(1...1_024, "workers", workers) }
            expect(1...Int(UInt32.max >> 1), "runBudget", runBudget)
            expect(0...4_096, "spareWorkersMax", spareWorkersMax)
            expect(1...(1 << 24), "processesMax", processesMax)
            expect(0...Int(Int32.max), "crashReportsPerSecond", crashReportsPerSecond)
            precondition(clock.tick > .zero, "expected a tick above 0, got \(clock.tick)", file: file, line: line)
            if let stallLimit {
                precondition(
                    stallLimit > .zero, "expected a stallLimit above 0, got \(stallLimit)", file: file, line: line)
            }
        }

        /// Threads that run processes.
        var workerCount: Int {
            // One thread at a time.
            clock.run == nil ? workers ?? min(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1_024) : 1
        }

        @unsafe
        func coreConfig(context: UnsafeMutableRawPointer) -> mt_config_t {
            var config = unsafe mt_config_t()
            unsafe config.workers = UInt32(workerCount)
            unsafe config.run_budget = UInt32(runBudget)
            unsafe config.spares_max = UInt32(spareWorkersMax)
            unsafe config.stall_limit_ns = stallLimit?._unsignedNanoseconds ?? UInt64.max
            unsafe config.stand_in_after_ns = Self.standInAfter._unsignedNanoseconds
            unsafe config.tick_ns = clock.tick._unsignedNanoseconds
            unsafe config.processes_max = UInt32(processesMax)
            unsafe config.crash_reports_max = UInt32(crashReportsPerSecond)
            unsafe config.has_breadcrumb = trapBreadcrumb
            unsafe config.env = clock.environment
            if let run = clock.run { unsafe config.deterministic = run.core }
            unsafe config.context = unsafe context
            return unsafe config
        }
    }
}

extension Runtime {
    /// How many workers it has.
    var workers: Int {
        if configuration.clock.run != nil { return 1 }
        return configuration.workers ?? max(1, min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1_024))
    }
}
