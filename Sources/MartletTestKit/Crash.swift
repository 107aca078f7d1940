// SPDX-License-Identifier: Apache-2.0
// An abnormal end, as a test sees it.

public import Martlet

/// A server that ended by itself with an abnormal reason (R16).
///
/// Kills are not crashes. In a test runtime crashes are not logged.
public struct Crash: Sendable {
    /// Who it was.
    public let pid: Pid
    /// Its type's name.
    public let server: String
    /// Why it ended.
    public let reason: ExitReason
}

/// The crashes of one run.
final class CrashList: Sendable {
    private let crashes = _Locked<[Crash]>([])

    var all: [Crash] { crashes.withLock { $0 } }
    func add(_ crash: Crash) { crashes.withLock { $0.append(crash) } }
    func clear() { crashes.withLock { $0 = [] } }
}
