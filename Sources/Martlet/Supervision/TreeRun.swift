// SPDX-License-Identifier: Apache-2.0
// A whole tree from its start to its end, told to stop by somebody outside: what a program and a service of another library
// have in common. Not a supervisor: it has one, and restarts nothing.

/// One run of a tree: it starts at once, may be told to stop at any time, and says how it ended.
///
/// For the modules of this package; a program is an ``Application``.
package final class TreeRun<Failure: Error>: Sendable {
    private let deadline: Duration
    private let runtime: Runtime
    private let starting: Task<Result<Supervisor.Ref, Failure>, Never>
    private let ending = TreeEnd()
    /// One for each time that it was told, with whether the tree ended by itself.
    private let stops = _Locked<[Task<Bool, Never>]>([])

    /// Begins the start.
    ///
    /// - Parameters:
    ///   - deadline: the time for the whole tree to stop; who is stuck then is logged and killed.
    ///   - runtime: where it runs.
    ///   - start: starts the supervisor, with this end in its argument; cancelled by a stop that comes meanwhile.
    package init(
        deadline: Duration, on runtime: Runtime,
        start: @escaping @Sendable (TreeEnd) async throws(Failure) -> Supervisor.Ref
    ) {
        (self.deadline, self.runtime) = (deadline, runtime)
        starting = Task(executorPreference: runtime.executor) { [ending] () async -> Result<Supervisor.Ref, Failure> in
            do throws(Failure) { return .success(try await start(ending)) } catch { return .failure(error) }
        }
    }

    /// Whether it was told to stop.
    package var isTold: Bool { stops.withLock { !$0.isEmpty } }

    /// Stops the tree in order, within the deadline; one that is not up yet ends its start.
    package func stop() { stop(within: deadline) }

    /// Stops the tree at once; nothing happens to one that has ended.
    package func kill() { stop(within: .zero) }

    private func stop(within deadline: Duration) {
        // Within the lock: who sees what it does to the tree sees it here.
        stops.withLock { stops in
            stops.append(
                Task(executorPreference: runtime.executor) { [starting] in
                    guard case .success(let tree) = await starting.value else { return true }
                    let report = await tree.shutDown(deadline: deadline)
                    SupervisorLog.stuck(report)
                    return report.stuck.isEmpty
                })
        }
        // After that: who sees the start fail sees that it was told to stop.
        starting.cancel()
    }

    /// Waits until the tree has ended; a cancellation of the waiting task stops it in order.
    ///
    /// - Returns: the reason of its end; `.killed` where any of it had to be, though its supervisor may have ended in order
    ///   since. A failure where it did not start, or was told to stop before.
    package nonisolated(nonsending) func end() async -> Result<ExitReason, Failure> {
        await withTaskCancellationHandler {
            switch await starting.value {
            case .failure(let error): return .failure(error)
            case .success(let tree):
                let reason = await tree.pid.waitForExitUncancelled()
                // Later ones found it ended.
                let stops = stops.withLock { $0 }
                for stop in stops where await !stop.value { return .success(.killed) }
                // Gone before anybody looked.
                if case .noProcess = reason { return .success(ending.reason ?? .killed) }
                return .success(reason)
            }
        } onCancel: {
            stop()
        }
    }
}

/// Why a tree's supervisor ended, for who comes too late to see it end; nothing of one that was killed.
package final class TreeEnd: Sendable {
    private let noted = _Locked<ExitReason?>(nil)

    var reason: ExitReason? { noted.withLock { $0 } }

    func note(_ reason: ExitReason) { noted.withLock { $0 = reason } }
}
