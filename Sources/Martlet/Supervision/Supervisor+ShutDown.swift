// SPDX-License-Identifier: Apache-2.0
// Stopping a whole tree by a deadline, and saying who was in the way.

extension ServerAddress<ServerRef<Supervisor>> {
    /// Stops the tree in order, and kills what is left of it at the deadline.
    ///
    /// Children have their own times (``ChildSpec/shutdown``); this is one for all of them together, however deep. A process
    /// belongs to the tree when the chain of those who started it leads to this supervisor.
    ///
    /// - Parameter deadline: by default 30 s; zero or negative kills at once.
    /// - Returns: how long it took, and who was stuck and in what: processes of the tree that had been told to end, had nobody
    ///   below them, and were still there at the deadline. Empty when all went in order, or there was no such supervisor.
    /// - Complexity: O(processes of the runtime) if the deadline passes.
    @discardableResult
    public nonisolated(nonsending) func shutDown(deadline: Duration = .seconds(30)) async -> ShutdownReport {
        guard let tree = ref else { return ShutdownReport(stuck: [], duration: .zero) }
        guard let runtime = Runtime.of(tree.pid.raw) else { return ShutdownReport(stuck: [], duration: .zero) }
        let began = runtime.uptime
        do {
            try await tree.stop(.shutdown, timeout: max(.zero, deadline))
            return ShutdownReport(stuck: [], duration: runtime.uptime - began)
        } catch {
            guard tree.pid.isAlive else { return ShutdownReport(stuck: [], duration: runtime.uptime - began) }
        }
        let left = runtime.processes().compactMap { $0.status }
            .filter { $0.pid == tree.pid || $0.ancestors.contains(tree.pid) }
        let parents = Set(left.compactMap { $0.ancestors.first })
        var stuck = left.filter { !parents.contains($0.pid) && !waitsItsTurn($0) }
        // Who was in the way has just ended: still not an end in order, and the report must say so.
        if stuck.isEmpty { stuck = left }
        // Children before parents: nobody is restarted, and nobody is left without a parent to be found by.
        for status in left.sorted(by: { $0.ancestors.count > $1.ancestors.count }) { status.pid.kill() }
        for status in left { _ = await status.pid.waitForExit(within: nil) }
        return ShutdownReport(stuck: stuck, duration: runtime.uptime - began)
    }

    /// Whether it has not been told to end yet: a supervisor above waits for another child first.
    private func waitsItsTurn(_ status: ProcessStatus) -> Bool {
        var child = status.pid
        for parent in status.ancestors {
            if ServerRef<Supervisor>(parent) != nil, case .calling(let other)? = parent.status?.activity, other != child
            {
                return true
            }
            child = parent
        }
        return false
    }
}
