// SPDX-License-Identifier: Apache-2.0
// The children of one TaskSupervisor, shared with those who start tasks under it: a start needs no call, so the supervisor
// is no bottleneck, and a limit is kept all the same.
//
// Locking. Starts happen under the lock, so that the supervisor, which takes it when it hears of an end, never hears of
// the end of a child that it does not know.

/// Which tasks run under one supervisor.
final class TaskBook: Sendable {
    /// One task.
    struct Child: Sendable {
        /// Runs it again; nil: it is never restarted.
        var rerun: (@Sendable () async throws -> Void)?
        var restart = ChildSpec.Restart.temporary
    }

    private struct State {
        var children: [Pid: Child] = [:]
        var maxChildren: Int
        var isOpen = true

        mutating func enter<Value>(
            _ child: Child, _ started: Result<Work<Value>, _SpawnFailure>
        ) -> Result<Work<Value>, StartError> {
            switch started {
            case .success(let work):
                if work.pid != .none { children[work.pid] = child }
                return .success(work)
            case .failure(.shutDown): return .failure(.shutDown)
            case .failure(.systemLimit), .failure(.killed): return .failure(.systemLimit)
            }
        }
    }

    private let owner: Pid
    private let state: _Locked<State>

    private static let all = PidTable<TaskBook>()

    /// The book of a supervisor; nil: it is none, or has ended.
    static func of(_ supervisor: Pid?) -> TaskBook? {
        supervisor.flatMap { all[$0] }
    }

    /// Opens the book of the current process.
    init(of owner: Pid, maxChildren: Int) {
        self.owner = owner
        state = _Locked(State(maxChildren: maxChildren))
        Self.all[owner] = self
    }

    /// No more children.
    func close() {
        Self.all[owner] = nil
        state.withLock { $0.isOpen = false }
    }

    /// Starts a child.
    ///
    /// - Parameter start: starts the process, linked with the supervisor; it runs under a lock, and no user code with it.
    func start<Value: Sendable>(
        _ child: Child, _ start: () -> Result<Work<Value>, _SpawnFailure>
    ) throws(StartError) -> Work<Value> {
        let result: Result<Work<Value>, StartError> = state.withLock { state in
            guard state.isOpen else { return .failure(.exited(.noProcess)) }
            guard state.children.count < state.maxChildren else { return .failure(.maxChildren) }
            return state.enter(child, start())
        }
        return try result.get()
    }

    /// Starts a child that has ended again, in its place: whatever the limit is now, nobody took it meanwhile.
    ///
    /// Does nothing when it was stopped for good.
    func restart<Value: Sendable>(
        _ pid: Pid, _ start: () -> Result<Work<Value>, _SpawnFailure>
    ) throws(StartError) {
        let result: Result<Work<Value>, StartError>? = state.withLock { state in
            state.children.removeValue(forKey: pid).map { state.enter($0, start()) }
        }
        _ = try result?.get()
    }

    /// A child; nil: it is none.
    func child(_ pid: Pid) -> Child? { state.withLock { $0.children[pid] } }

    /// Forgets a child that has ended, or shall; nil: it is none.
    func remove(_ pid: Pid) -> Child? { state.withLock { $0.children.removeValue(forKey: pid) } }

    /// The processes, oldest first as far as their numbers tell.
    var children: [Pid] { state.withLock { $0.children.keys.sorted { $0.raw < $1.raw } } }

    var count: Int { state.withLock { $0.children.count } }

    func setMaxChildren(_ count: Int) { state.withLock { $0.maxChildren = count } }
}
