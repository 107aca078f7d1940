// SPDX-License-Identifier: Apache-2.0
// One-off work in its own process (Elixir's Task; Swift owns that name). For work inside one function use Swift's own
// task groups.

/// Starts work in processes of the current runtime.
///
/// OTP: Elixir's `Task`.
///
/// When not to use: for work inside one function, where `async let` and task groups do the same without a process; for
/// state that outlives the work, which is a server's.
public enum Tasks {
    /// Runs `work` in a process linked with the current one, if there is one; take the result with `value()`
    /// (`Task.async`).
    ///
    /// A throw ends the process with that error: it is reported, and through the link it ends an owner that does not trap
    /// exits; one that traps them, and an owner that is no process, hears of it when it takes the value. The owner's
    /// abnormal end ends the work. `Pid.current` in the work is its process.
    ///
    /// Traps when the runtime has been shut down or its process slots are used up. A process that was killed starts nothing.
    ///
    /// - Parameters:
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - work: runs once, on the runtime's workers; it may suspend.
    /// - Returns: the task.
    /// - Complexity: O(1): a process with a Swift task, a reply slot, a timer.
    public static func async<Value: Sendable>(
        file: StaticString = #fileID, line: UInt = #line, _ work: sending @escaping () async throws -> Value
    ) -> TaskRef<Value> {
        start(.init(owner: .current), file, line, work)
    }

    /// `async` with other ties.
    static func start<Value: Sendable>(
        _ ties: Work<Value>.Ties, _ file: StaticString, _ line: UInt,
        _ work: sending @escaping () async throws -> Value
    ) -> TaskRef<Value> {
        switch Work.start(ties, work) {
        case .success(let work): return TaskRef(work: work)
        case .failure(let failure):
            preconditionFailure("expected a runtime with room for a process, got \(failure)", file: file, line: line)
        }
    }

    /// Runs `work` for its effects, linked with nobody; a throw is reported (`Task.start`).
    ///
    /// Traps as ``async(file:line:_:)`` does.
    ///
    /// - Parameters:
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - work: runs once, on the runtime's workers; it may suspend.
    /// - Returns: the process.
    @discardableResult
    public static func start(
        file: StaticString = #fileID, line: UInt = #line, _ work: sending @escaping () async throws -> Void
    ) -> Pid {
        spawn(Never.self, file: file, line: line) { _ in try await work() }.pid
    }

    /// A task that is done already (`Task.completed`).
    ///
    /// For callers that wait for a task where a value happens to be at hand. Belongs to the current process as any other.
    ///
    /// - Parameter value: what it returns.
    /// - Returns: the task, without a process.
    public static func completed<Value: Sendable>(_ value: Value) -> TaskRef<Value> { TaskRef(work: .done(value)) }

    /// Waits for the values of many tasks, all within one timeout (`Task.await_many`).
    ///
    /// The first failure, in the order of the tasks, ends the wait; tasks behind it can still be waited for. Traps as
    /// `value` does.
    ///
    /// - Parameters:
    ///   - tasks: the current process's.
    ///   - timeout: for all together; 5 s by default, nil for ever.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the values, in the order of the tasks.
    /// - Throws: ``TaskError`` as `value` does.
    public static nonisolated(nonsending) func values<Value: Sendable>(
        of tasks: [TaskRef<Value>], timeout: Duration? = .seconds(5), file: StaticString = #fileID, line: UInt = #line
    ) async throws(TaskError) -> [Value] {
        let limit = TaskLimit(timeout)
        var values: [Value] = []
        values.reserveCapacity(tasks.count)
        for task in tasks { values.append(try await task.value(timeout: limit.left, file: file, line: line)) }
        return values
    }

    /// The outcomes of those tasks that are done within `timeout` (`Task.yield_many`).
    ///
    /// Traps as `yield` does.
    ///
    /// - Parameters:
    ///   - tasks: the current process's.
    ///   - timeout: for all together; by default it only looks.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: for each task its value or why there is none, in the order of the tasks; nil for one that is not done:
    ///   ask again later.
    public static nonisolated(nonsending) func yield<Value: Sendable>(
        _ tasks: [TaskRef<Value>], timeout: Duration = .zero, file: StaticString = #fileID, line: UInt = #line
    ) async -> [Result<Value, TaskError>?] {
        let limit = TaskLimit(timeout)
        var outcomes: [Result<Value, TaskError>?] = []
        outcomes.reserveCapacity(tasks.count)
        for task in tasks {
            do throws(TaskError) {
                let value = try await task.yield(timeout: limit.left ?? .zero, file: file, line: line)
                outcomes.append(value.map { .success($0) })
            } catch {
                outcomes.append(.failure(error))
            }
        }
        return outcomes
    }
}
