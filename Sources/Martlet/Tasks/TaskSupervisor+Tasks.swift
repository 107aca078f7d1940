// SPDX-License-Identifier: Apache-2.0
// Starting, seeing and stopping tasks under a supervisor.

extension ServerAddress<ServerRef<TaskSupervisor>> {
    /// `Tasks.async` under this supervisor; `linked: false` spares the owner a crash of the work (`async_nolink`).
    ///
    /// The owner takes the value, linked or not. An unlinked task goes on when its owner ends.
    ///
    /// - Parameters:
    ///   - linked: whether the task is linked with the current process, if there is one; true by default.
    ///   - work: runs once, on the runtime's workers; it may suspend.
    /// - Returns: the task.
    /// - Throws: ``StartError``: `maxChildren`, `systemLimit`, `shutDown`; `exited(.noProcess)` when the supervisor is not
    ///   there.
    /// - Complexity: O(1), under a lock of the supervisor's; no call.
    public func async<Value: Sendable>(
        linked: Bool = true, _ work: sending @escaping () async throws -> Value
    ) throws(StartError) -> TaskRef<Value> {
        let (pid, book) = try book()
        let body = _Once(work)
        let ties = Work<Value>.Ties(owner: linked ? Pid.current : nil, supervisor: pid)
        return TaskRef(work: try book.start(TaskBook.Child()) { Work.start(ties) { try await body.run() } })
    }

    /// `Tasks.start` under this supervisor (`Task.Supervisor.start_child`).
    ///
    /// - Parameters:
    ///   - restart: when it is run again; by default never. Restarts count with the supervisor's budget.
    ///   - work: runs on the runtime's workers, again at each restart; it may suspend.
    /// - Returns: the process.
    /// - Throws: ``StartError`` as `async` does.
    @discardableResult
    public func start(
        restart: ChildSpec.Restart = .temporary, _ work: @escaping @Sendable () async throws -> Void
    ) throws(StartError) -> Pid {
        let (pid, book) = try book()
        let rerun = restart == .temporary ? nil : work
        return try book.start(TaskBook.Child(rerun: rerun, restart: restart)) {
            Work.startForEffects(under: pid, work)
        }.pid
    }

    /// The supervisor, and its book.
    private func book() throws(StartError) -> (Pid, TaskBook) {
        guard let pid = ref?.pid, let book = TaskBook.of(pid) else { throw .exited(.noProcess) }
        return (pid, book)
    }

    /// `Tasks.stream` under this supervisor (`Task.Supervisor.async_stream_nolink`).
    ///
    /// An item that cannot be started, as for `maxChildren`, is a failure `exited` with the `StartError`.
    ///
    /// - Parameters:
    ///   - items: taken one by one as processes become free; it may be endless.
    ///   - concurrency: processes at once; by default as many as the runtime has workers.
    ///   - ordered: results in the order of the items, by default; else as they come.
    ///   - timeout: for each item, from its start; 5 s by default, nil for ever.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - work: makes the value of an item; runs in a process of its own.
    /// - Returns: the results; nothing runs before they are read.
    public func stream<Items: Sequence & Sendable, Value: Sendable>(
        _ items: Items, concurrency: Int? = nil, ordered: Bool = true, timeout: Duration? = .seconds(5),
        file: StaticString = #fileID, line: UInt = #line,
        _ work: @escaping @Sendable (Items.Element) async throws -> Value
    ) -> TaskStream<Value> where Items.Element: Sendable {
        let limit = timeout?._unsignedNanoseconds ?? .max
        return TaskStream(items, .init(concurrency, isOrdered: ordered, file, line)) { item in
            guard let pid = ref?.pid, let book = TaskBook.of(pid) else { return .failure(.exited(.noProcess)) }
            do throws(StartError) {
                return .success(
                    try book.start(TaskBook.Child()) {
                        Work.start(.init(supervisor: pid), timeout: limit) { try await work(item) }
                    })
            } catch {
                return .failure(.exited(.error(error)))
            }
        }
    }

    /// The processes of all tasks that run; none where the supervisor is not there.
    ///
    /// - Complexity: O(n log n), under the lock that starts take.
    public func children() -> [Pid] { TaskBook.of(ref?.pid)?.children ?? [] }

    /// How many tasks run; 0 where the supervisor is not there.
    public func count() -> Int { TaskBook.of(ref?.pid)?.count ?? 0 }

    /// Ends one task with exit `.shutdown`, for good (`Task.Supervisor.terminate_child`); returns when it is gone.
    ///
    /// An owner that is linked with it hears of it as of any end.
    ///
    /// - Parameter pid: of the task.
    /// - Returns: false if it is not one of this supervisor.
    @discardableResult
    public nonisolated(nonsending) func stopChild(_ pid: Pid) async -> Bool {
        guard let book = TaskBook.of(ref?.pid), book.remove(pid) != nil else { return false }
        pid.exit(.shutdown)
        _ = await pid.waitForExit(within: nil)
        return true
    }

    /// Changes the limit; tasks over a lower one stay.
    ///
    /// Traps when `count` is negative.
    ///
    /// - Parameters:
    ///   - count: tasks allowed from now on.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func setMaxChildren(
        _ count: Int, file: StaticString = #fileID, line: UInt = #line
    ) async throws(CallError) {
        precondition(count >= 0, "expected maxChildren of 0 or more, got \(count)", file: file, line: line)
        try await call { TaskSupervisor.Call(request: .setMaxChildren(count, $0)) }
    }
}

extension _Once {
    /// Runs what was put here.
    fileprivate nonisolated(nonsending) func run<R: Sendable>() async throws -> R
    where Value == () async throws -> R {
        guard let body = take() else { throw CancellationError() }
        return try await body()
    }
}
