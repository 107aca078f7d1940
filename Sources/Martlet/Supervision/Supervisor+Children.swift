// SPDX-License-Identifier: Apache-2.0
// Administration at run time. The supervisor answers when it is done, and serves others meanwhile.

extension ServerAddress<ServerRef<Supervisor>> {
    /// Adds a child at the end and starts it (`supervisor:start_child/2`).
    ///
    /// A start that fails leaves no trace; one that is ignored leaves the spec, stopped, unless it is temporary. Waits as
    /// long as the start takes: cancel the task to stop waiting.
    ///
    /// - Parameter child: its id must be new to the supervisor.
    /// - Returns: its process.
    /// - Throws: ``StartError``: `duplicateChild`, or what the start throws; `.failed(CallError)` when the supervisor cannot be
    ///   asked.
    @discardableResult
    public nonisolated(nonsending) func startChild(_ child: ChildSpec) async throws(StartError) -> Pid {
        let result: Result<Pid, StartError>
        do { result = try await call(timeout: nil) { Supervisor.Call(request: .start(child, $0)) } } catch {
            throw .failed(error)
        }
        return try result.get()
    }

    /// Stops a child and keeps its spec (`supervisor:terminate_child/2`).
    ///
    /// A child whose start is under way is withdrawn. Returns when it is gone; a temporary child's spec goes with it.
    ///
    /// - Parameter id: of the child; one that is stopped already is left so.
    /// - Throws: ``SupervisorError``: `notFound`, `call`.
    public nonisolated(nonsending) func stopChild(_ id: ChildID) async throws(SupervisorError) {
        let refusal: SupervisorError?
        do { refusal = try await call(timeout: nil) { Supervisor.Call(request: .stop(id, $0)) } } catch {
            throw .call(error)
        }
        if let refusal { throw refusal }
    }

    /// Starts a stopped child (`supervisor:restart_child/2`).
    ///
    /// - Parameter id: of the child.
    /// - Returns: its process.
    /// - Throws: ``SupervisorError``: `notFound`, `running`, `start` with the cause, and then it stays stopped; `call`.
    @discardableResult
    public nonisolated(nonsending) func restartChild(_ id: ChildID) async throws(SupervisorError) -> Pid {
        let result: Result<Pid, SupervisorError>
        do { result = try await call(timeout: nil) { Supervisor.Call(request: .restart(id, $0)) } } catch {
            throw .call(error)
        }
        return try result.get()
    }

    /// Forgets a stopped child (`supervisor:delete_child/2`).
    ///
    /// - Parameter id: of the child.
    /// - Throws: ``SupervisorError``: `notFound`, `running`, `call`.
    public nonisolated(nonsending) func deleteChild(_ id: ChildID) async throws(SupervisorError) {
        let refusal: SupervisorError?
        do { refusal = try await call(timeout: nil) { Supervisor.Call(request: .delete(id, $0)) } } catch {
            throw .call(error)
        }
        if let refusal { throw refusal }
    }

    /// All children, in start order (`supervisor:which_children/1`, which has them reversed).
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func children() async throws(CallError) -> [ChildStatus] {
        try await call { Supervisor.Call(request: .children($0)) }
    }

    /// How many children there are, and how many run (`supervisor:count_children/1`).
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func counts() async throws(CallError) -> ChildCounts {
        try await call { Supervisor.Call(request: .counts($0)) }
    }
}
