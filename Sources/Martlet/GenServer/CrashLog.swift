// SPDX-License-Identifier: Apache-2.0
// One line for each abnormal end, types only, at most ten a second: a crash loop must not become a log flood.

internal import Logging

@usableFromInline
enum _CrashLog {
    private struct Window {
        var second: Int64 = 0
        var logged = 0
        var suppressed = 0
    }

    private static let perSecond = 10
    private static let logger = Logger(label: "martlet")
    private static let window = _Locked(Window())

    @usableFromInline
    static func report(_ reason: ExitReason, server: String, pid: Pid) {
        if case .killed = reason { return }
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
