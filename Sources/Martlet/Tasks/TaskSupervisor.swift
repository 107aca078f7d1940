// SPDX-License-Identifier: Apache-2.0
// Tasks under a supervisor: they end with it, and it restarts those that are to be restarted. For servers that come and go
// see DynamicSupervisor.

/// A supervisor of tasks: what runs under it ends with it, whoever started it.
///
/// Start it in your tree before those that use it. A start is not a call: it does not wait for the supervisor, and many
/// tasks may be started at once. Tasks are temporary unless told otherwise.
///
/// OTP: Elixir's `Task.Supervisor`.
///
/// ```swift
/// let workers: TaskSupervisor.Name = "workers"
/// let tree = try await Supervisor.start { TaskSupervisor.child(name: workers) }
/// let report = try workers.async(linked: false) { try await render(month) }
/// ```
///
/// When not to use: for work that should end with the process that started it: ``Tasks/async(file:line:_:)``.
public struct TaskSupervisor: AsyncGenServer, ~Copyable {
    /// What it is started with.
    public struct Argument: Sendable {
        /// Tasks allowed, one more fails with `maxChildren`; by default no limit.
        public var maxChildren: Int
        /// Restarts allowed in a sliding window, over all tasks, one more and it gives up; by default 3 in 5 s.
        public var budget: RestartBudget

        /// An argument.
        ///
        /// Traps when `maxChildren` is negative.
        ///
        /// - Parameters:
        ///   - maxChildren: tasks allowed; by default no limit.
        ///   - budget: restarts allowed; by default 3 in 5 s.
        ///   - file: where a trap is reported; the caller's by default.
        ///   - line: where a trap is reported; the caller's by default.
        public init(
            maxChildren: Int = .max, budget: RestartBudget = RestartBudget(), file: StaticString = #fileID,
            line: UInt = #line
        ) {
            precondition(
                maxChildren >= 0, "expected maxChildren of 0 or more, got \(maxChildren)", file: file, line: line)
            self.maxChildren = maxChildren
            self.budget = budget
        }
    }

    /// See the functions on `ServerAddress`.
    public struct Call: Sendable { let request: Request }

    enum Request: Sendable {
        case setMaxChildren(Int, From<Void>)
    }

    /// True: the ends of tasks are its work.
    public static var trapsExits: Bool { true }

    private let book: TaskBook
    private var restarts: RestartWindow

    /// Callback of the engine; use `start`.
    public nonisolated(nonsending) init(_ argument: Argument) async throws {
        book = TaskBook(of: Self.current.pid, maxChildren: argument.maxChildren)
        restarts = RestartWindow(argument.budget)
    }

    deinit { book.close() }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
        switch call.request {
        case .setMaxChildren(let count, let from):
            book.setMaxChildren(count)
            return from.reply(())
        }
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleInfo(_ info: Info<Never>) async throws -> Next {
        guard case .exit(let pid, let reason) = info else { return .wait }
        guard let child = book.child(pid), let rerun = child.rerun, child.restart == .permanent || reason.isAbnormal
        else {
            _ = book.remove(pid)
            return .wait
        }
        guard restarts.admit(at: Runtime.current.uptime) else { return .stop(.shutdown) }
        try book.restart(pid) { Work.startForEffects(under: Self.current.pid, rerun) }
        return .wait
    }

    /// Callback of the engine: ends the tasks, all at once.
    public nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws {
        book.close()
        let children = book.children
        for pid in children { pid.exit(.shutdown) }
        for pid in children { _ = await pid.waitForExit(within: nil) }
    }
}

extension TaskSupervisor {
    /// This supervisor as a child of another: permanent, and given all the time it needs to stop.
    ///
    /// - Parameters:
    ///   - argument: limits; by default none on tasks, 3 restarts in 5 s.
    ///   - id: unique in the supervisor above; by default the type's name.
    ///   - name: the name to register; by default none.
    ///   - restart: when it is started again; by default always. It comes back empty.
    /// - Returns: the spec; `with` changes what else is to differ.
    public static func child(
        _ argument: Argument = Argument(), id: ChildID? = nil, name: Name? = nil,
        restart: ChildSpec.Restart = .permanent
    ) -> ChildSpec {
        ChildSpec(id: id ?? "TaskSupervisor", restart: restart, shutdown: .infinity) {
            try await startLink(argument, name: name).pid
        }.with { $0.isSupervisor = true }
    }
}
