// SPDX-License-Identifier: Apache-2.0
// Starting and ending one child as its spec says; in the supervisor's name.

extension ChildSpec {
    /// Starts it and links it; whatever goes wrong is a failure of the start.
    ///
    /// As code of the supervisor. `ownerWaits`: it does nothing else meanwhile.
    nonisolated(nonsending) func started(by owner: Pid, ownerWaits: Bool = false) async -> Result<Pid, StartError> {
        do {
            if ownerWaits, let server { return .success(try await server.link(to: owner)) }
            let pid = try await start()
            guard pid != owner else { return .failure(.failed(SupervisorError.ownChild(id))) }
            // There is one link at most: this is for functions that forgot it.
            if !isLinked { pid.link() }
            return .success(pid)
        } catch let error as StartError { return .failure(error) } catch { return .failure(.failed(error)) }
    }

    /// Sends the signal that its `shutdown` says.
    func tellToEnd(_ pid: Pid) {
        if case .brutalKill = shutdown { pid.kill() } else { pid.exit(.shutdown) }
    }

    /// Waits until it is gone, and kills it when its time is over.
    ///
    /// - Parameter elapsed: the part of its time that has passed.
    nonisolated(nonsending) func awaitEnd(_ pid: Pid, after elapsed: Duration = .zero, _ owner: Pid) async {
        if case .after(let limit) = shutdown {
            if await pid.waitForExit(within: max(.zero, limit - elapsed)) { return }
            if Task.isCancelled { return }
            SupervisorLog.killed(self, pid, by: owner)
            pid.kill()
        }
        _ = await pid.waitForExit(within: nil)
    }

    /// Why a supervisor refuses it; nil: it does not.
    func fault(_ autoShutdown: Supervisor.AutoShutdown) -> SupervisorError? {
        guard isSignificant else { return nil }
        if restart == .permanent {
            return .invalidChild(id, "expected a significant child to be transient or temporary, got permanent")
        }
        if case .never = autoShutdown {
            return .invalidChild(id, "expected a supervisor that shuts down with significant children, got .never")
        }
        return nil
    }
}
