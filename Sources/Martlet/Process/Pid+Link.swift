// SPDX-License-Identifier: Apache-2.0
// Links and monitors of the current process.

extension Pid {
    /// Links the current process with this one (`erlang:link/1`).
    ///
    /// Takes effect at once. When either ends with another reason than `.normal`, the other gets an exit signal with that
    /// reason: it ends too, or is told by `Info.exit` if it traps exits, which hears of `.normal` as well (R14). At a
    /// process that has ended the signal comes at once, with `.noProcess`. There is at most one link between two
    /// processes; linking again, or with itself, does nothing.
    ///
    /// Traps outside a process (use `withProcess`), and when memory is out.
    ///
    /// - Parameters:
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Complexity: O(n) in the links of the one of the two that has fewer.
    public func link(file: StaticString = #fileID, line: UInt = #line) {
        let status = _Tie.link(Pid.ofCaller("link", file, line).raw, with: raw)
        precondition(status != .noMemory, "expected memory for a link, got none", file: file, line: line)
    }

    /// Removes the link between the current process and this one (`erlang:unlink/1`).
    ///
    /// After it has returned no signal of the link has any effect: one that waits in the mailbox is taken out of it. A
    /// process that does not trap exits and was told to end before stays so.
    ///
    /// Traps outside a process.
    ///
    /// - Parameters:
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Complexity: O(n) in the links of the one that has fewer; of this process when the other has ended.
    public func unlink(file: StaticString = #fileID, line: UInt = #line) {
        _Tie.unlink(Pid.ofCaller("unlink", file, line).raw, from: raw)
    }

    /// Watches this process from the current one (`erlang:monitor/2`).
    ///
    /// One `Info.down` comes when it ends, at once with `.noProcess` if it has: after all that it sent, and after its names
    /// and timers are gone. Each call makes a monitor of its own. It ends with its news, with `MonitorRef.cancel`, or with
    /// the current process.
    ///
    /// Traps outside a process, and when memory is out.
    ///
    /// - Parameters:
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: what its `Info.down` carries, and what ends the watch.
    /// - Complexity: O(1).
    public func monitor(file: StaticString = #fileID, line: UInt = #line) -> MonitorRef {
        let (tie, status) = _Tie.monitor(Pid.ofCaller("monitor", file, line).raw, raw)
        precondition(status != .noMemory, "expected memory for a monitor, got none", file: file, line: line)
        return MonitorRef(raw: tie)
    }

    /// Watches this process from another, on whose behalf the current code acts; false: that one has ended, or the
    /// current process has, and what it does has no effect.
    ///
    /// Traps when memory is out.
    func isMonitored(by watcher: Pid) -> Bool {
        let (_, status) = _Tie.monitor(watcher.raw, raw)
        precondition(status != .noMemory, "expected memory for a monitor, got none")
        return status == .tied
    }

    /// The current process; traps outside one.
    @usableFromInline
    static func ofCaller(_ what: StaticString, _ file: StaticString, _ line: UInt) -> Pid {
        guard let pid = current else {
            preconditionFailure(
                "expected \(what) to be called by a process, got none: use withProcess", file: file, line: line)
        }
        return pid
    }
}
