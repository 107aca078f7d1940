// SPDX-License-Identifier: Apache-2.0
// One line for each abnormal end, types only, at most ten a second: a crash loop must not become a log flood.

internal import Logging
internal import Synchronization

@usableFromInline
package enum _CrashLog {
    private struct Window {
        var second: Int64 = 0
        var logged = 0
        var suppressed = 0
    }

    private static let perSecond = 10
    private static let logger = Logger(label: "martlet")
    private static let window = _Locked(Window())

    /// Who takes the reports of one runtime in place of the log.
    package typealias Sink = @Sendable (_ reason: ExitReason, _ server: String, _ pid: Pid) -> Void
    private static let sinks = _Locked<[ObjectIdentifier: Sink]>([:])
    private static let hasSinks = Atomic(false)

    /// Sends the reports of a runtime to `sink` from now on; they are neither logged nor counted.
    package static func divert(_ runtime: Runtime, to sink: Sink?) {
        sinks.withLock { sinks in
            sinks[ObjectIdentifier(runtime)] = sink
            hasSinks.store(!sinks.isEmpty, ordering: .releasing)
        }
    }

    /// Whether a sink has the report.
    private static func tellSink(_ reason: ExitReason, _ server: String, _ pid: Pid) -> Bool {
        // A process ends on a worker of its runtime.
        guard hasSinks.load(ordering: .acquiring), let runtime = Runtime.ofThread,
            let sink = sinks.withLock({ $0[ObjectIdentifier(runtime)] })
        else { return false }
        sink(reason, server, pid)
        return true
    }

    @usableFromInline
    static func report(_ reason: ExitReason, server: String, pid: Pid) {
        if case .killed = reason { return }
        if tellSink(reason, server, pid) { return }
        let second = ContinuousClock.now.durationSinceStart.components.seconds
        let suppressed: Int? = window.withLock { window in
            if window.second != second {
                let suppressed = window.suppressed
                window = Window(second: second, logged: 1, suppressed: 0)
                return suppressed
            }
            guard window.logged < perSecond else {
                window.suppressed += 1
                return nil
            }
            window.logged += 1
            return 0
        }
        guard let suppressed else { return }
        var metadata: Logger.Metadata = ["server": "\(server)", "pid": "\(pid)", "reason": "\(reason)"]
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.error("server ended", metadata: metadata)
    }
}

extension ContinuousClock.Instant {
    private static let start = ContinuousClock.now
    fileprivate var durationSinceStart: Duration { Self.start.duration(to: self) }
}
