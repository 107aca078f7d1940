// SPDX-License-Identifier: Apache-2.0
// Starting and stopping children at run time.

extension ServerAddress<ServerRef<DynamicSupervisor>> {
    /// Starts a server under the supervisor (`DynamicSupervisor.start_child/2`).
    ///
    /// Waits as long as its `init` takes: cancel the task, or set `StartOptions.timeout`.
    ///
    /// - Parameters:
    ///   - type: the server's type.
    ///   - argument: what `init` takes, at each start.
    ///   - name: the name each incarnation registers; by default none.
    ///   - restart: when it is started again; by default always.
    ///   - shutdown: how it is stopped; by default exit `.shutdown`, and a kill after 5 s.
    ///   - options: the settings of each start.
    /// - Returns: the reference to this incarnation; the name, if it has one, leads to later ones as well.
    /// - Throws: ``StartError``: `maxChildren`, what the start throws, or `.failed(CallError)` when the supervisor cannot be
    ///   asked.
    @discardableResult
    public nonisolated(nonsending) func start<S: Server & ~Copyable>(
        _ type: S.Type, _ argument: S.Argument, name: ServerName<S>? = nil, restart: ChildSpec.Restart = .permanent,
        shutdown: ChildSpec.Shutdown = .after(.seconds(5)), options: StartOptions = StartOptions()
    ) async throws(StartError) -> ServerRef<S> {
        let spec = S.child(
            argument, id: ChildID(S.processClass.name), name: name, restart: restart, shutdown: shutdown,
            options: options)
        return ServerRef(_pid: try await startChild(spec))
    }

    /// Starts a server under the supervisor, from synchronous code.
    ///
    /// Blocks the thread; inside a handler another worker takes over its queue.
    ///
    /// - Parameters:
    ///   - type: the server's type.
    ///   - argument: what `init` takes, at each start.
    ///   - name: the name each incarnation registers; by default none.
    ///   - restart: when it is started again; by default always.
    ///   - shutdown: how it is stopped; by default exit `.shutdown`, and a kill after 5 s.
    ///   - options: the settings of each start.
    /// - Returns: the reference to this incarnation.
    /// - Throws: ``StartError``.
    @available(*, noasync)
    @discardableResult
    public func start<S: Server & ~Copyable>(
        _ type: S.Type, _ argument: S.Argument, name: ServerName<S>? = nil, restart: ChildSpec.Restart = .permanent,
        shutdown: ChildSpec.Shutdown = .after(.seconds(5)), options: StartOptions = StartOptions()
    ) throws(StartError) -> ServerRef<S> {
        let spec = S.child(
            argument, id: ChildID(S.processClass.name), name: name, restart: restart, shutdown: shutdown,
            options: options)
        let result: Result<Pid, StartError>
        do { result = try call(timeout: nil) { DynamicSupervisor.Call(request: .start(spec, $0)) } } catch {
            throw .failed(error)
        }
        return ServerRef(_pid: try result.get())
    }

    /// Starts any child under the supervisor; its id only shows in logs.
    ///
    /// - Parameter child: how it is started, restarted and stopped.
    /// - Returns: its process.
    /// - Throws: ``StartError`` as `start` does.
    @discardableResult
    public nonisolated(nonsending) func startChild(_ child: ChildSpec) async throws(StartError) -> Pid {
        let result: Result<Pid, StartError>
        do { result = try await call(timeout: nil) { DynamicSupervisor.Call(request: .start(child, $0)) } } catch {
            throw .failed(error)
        }
        return try result.get()
    }

    /// Stops one child and forgets it (`DynamicSupervisor.terminate_child/2`); returns when it is gone.
    ///
    /// - Parameter pid: of the child; while it is started again, or waits for that (``ChildSpec/backoff``), of the process
    ///   it had.
    /// - Returns: false if it is not one.
    /// - Throws: ``CallError``.
    @discardableResult
    public nonisolated(nonsending) func stopChild(_ pid: Pid) async throws(CallError) -> Bool {
        try await call(timeout: nil) { DynamicSupervisor.Call(request: .stop(pid, $0)) }
    }

    /// The processes of all children that run, in the order of their first starts.
    ///
    /// - Throws: ``CallError``.
    /// - Complexity: O(n log n), in the supervisor; `counts` costs less.
    public nonisolated(nonsending) func children() async throws(CallError) -> [Pid] {
        try await call { DynamicSupervisor.Call(request: .children($0)) }
    }

    /// How many children there are, those included that are being started.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func count() async throws(CallError) -> Int { try await counts().specs }

    /// How many children there are, and how many of them run (`DynamicSupervisor.count_children/1`).
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func counts() async throws(CallError) -> ChildCounts {
        try await call { DynamicSupervisor.Call(request: .counts($0)) }
    }

    /// Changes the limit; children over a lower one stay.
    ///
    /// Traps when `count` is negative.
    ///
    /// - Parameters:
    ///   - count: children allowed from now on.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func setMaxChildren(
        _ count: Int, file: StaticString = #fileID, line: UInt = #line
    ) async throws(CallError) {
        precondition(count >= 0, "expected maxChildren of 0 or more, got \(count)", file: file, line: line)
        try await call { DynamicSupervisor.Call(request: .setMaxChildren(count, $0)) }
    }
}
