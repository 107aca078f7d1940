// SPDX-License-Identifier: Apache-2.0
// Looking at, and ending, all processes of a runtime.

extension Runtime {
    /// All live processes; a process may end while you look.
    ///
    /// - Complexity: O(slots that were ever used), lock-free.
    public func processes() -> [Pid] { pids.map { Pid(raw: $0) } }

    /// What to order ``top(_:by:)`` by.
    public enum Ranking: Sendable, Hashable, CaseIterable {
        /// Messages queued.
        case mailbox
        /// Messages handled.
        case handled
        /// Bytes.
        case memory
    }

    /// The processes that have most of something, the highest first, without stopping anything (`recon`).
    ///
    /// - Parameters:
    ///   - count: how many; none if it is below 1.
    ///   - ranking: what of.
    /// - Returns: at most `count` snapshots.
    /// - Complexity: O(slots that were ever used).
    public func top(_ count: Int, by ranking: Ranking) -> [ProcessStatus] {
        guard count > 0 else { return [] }
        var best: [(rank: UInt64, pid: UInt64)] = []  // highest first
        for pid in pids {
            guard let gauges = _Snapshot.gauges(of: pid) else { continue }
            let rank =
                switch ranking {
                case .mailbox: UInt64(gauges.length)
                case .handled: gauges.handled
                case .memory: UInt64(gauges.bytes)
                }
            if best.count == count, let last = best.last {
                if rank <= last.rank { continue }
                best.removeLast()
            }
            best.insert((rank, pid), at: best.firstIndex { $0.rank < rank } ?? best.endIndex)
        }
        return best.compactMap { Pid(raw: $0.pid).status }
    }

    /// Who waits in a call for whom, now.
    ///
    /// Calls of processes only; a task outside of processes waits unseen.
    ///
    /// - Returns: an edge for each process that waits; a cycle among them is a deadlock that a timeout will end.
    /// - Complexity: O(slots that were ever used), lock-free.
    public func waitGraph() -> [(caller: Pid, target: Pid)] {
        pids.compactMap { pid in
            let target = _Snapshot.calling(of: pid)
            return target == 0 ? nil : (Pid(raw: pid), Pid(raw: target))
        }
    }

    /// Stops everything, then the runtime's threads.
    ///
    /// New processes are refused. Every process is stopped in order with `.shutdown`: behind the messages it has queued,
    /// `terminate` included; raw processes get an exit signal. One that is linked with the process that started it is left
    /// to that: supervisors end their children in reverse order. Who has not ended at the deadline is killed and reported; a
    /// thread that is stuck in user code is left behind. Tasks on the runtime's executor go on, on Swift's own pool.
    ///
    /// - Parameter deadline: 10 seconds by default; zero or negative kills at once.
    /// - Returns: what had to be done. A second shutdown returns the first one's report; later starts fail with
    ///   `shutDown`, calls with `noProcess`.
    @discardableResult
    public nonisolated(nonsending) func shutdown(deadline: Duration = .seconds(10)) async -> ShutdownReport {
        let task = shutdownTask.withLock { task in
            if let task = task as? Task<ShutdownReport, Never> { return task }
            let made = Task.detached { await self.end(within: deadline._unsignedNanoseconds) }
            task = made
            return made
        }
        return await task.value
    }

    /// Whether the end of its parent ends a process: then that is asked, and a supervisor ends its children in its own
    /// order.
    private static func isEndedByParent(_ pid: UInt64) -> Bool {
        guard let parent = _Snapshot.parent(of: pid), Pid(raw: parent).isAlive else { return false }
        return _Tie.links(of: pid).contains(parent)
    }

    private func end(within deadline: UInt64) async -> ShutdownReport {
        let start = ContinuousClock.now
        let stuck = _Locked<[ProcessStatus]>([])
        let reason = ExitReason.shutdown.boxed
        await _OwnThread.run { [self] in
            stopBlocking(deadline: deadline) { pid in
                if Self.isEndedByParent(pid) { return false }
                _ = _Post.stop(pid, reason: reason, reply: 0)
                return true
            } stuck: { pid in
                if let status = Pid(raw: pid).status { stuck.withLock { $0.append(status) } }
            }
        }
        return ShutdownReport(stuck: stuck.withLock { $0 }, duration: start.duration(to: .now))
    }
}
