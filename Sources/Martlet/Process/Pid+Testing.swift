// SPDX-License-Identifier: Apache-2.0
// What MartletTestKit needs of processes.

extension Pid {
    /// The core's number of a process.
    package init(core raw: UInt64) { self.init(raw: raw) }

    /// Asks a process to stop in order, as the shutdown of its runtime does; nobody waits.
    package func askToStop() { _ = _Post.stop(raw, reason: ExitReason.shutdown.boxed, reply: 0) }

    /// Watches the end of a process from now on.
    package func watch() -> PidWatch { PidWatch(watch: ExitWatch(raw)) }
}

/// A watch on the end of a process.
package struct PidWatch: Sendable {
    fileprivate let watch: ExitWatch

    /// The reason, once.
    package nonisolated(nonsending) func wait() async -> ExitReason {
        await watch.wait().map { ExitReason($0) } ?? .noProcess
    }
}
