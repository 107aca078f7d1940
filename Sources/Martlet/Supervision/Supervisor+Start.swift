// SPDX-License-Identifier: Apache-2.0
// Starting a tree, and nesting one.

extension Supervisor {
    /// Starts a supervisor and its children, in order (`supervisor:start_link/3`, without the link).
    ///
    /// - Parameters:
    ///   - strategy: which children restart together; by default each alone.
    ///   - maxRestarts: restarts allowed `within` a sliding window, 0 for none; by default 3.
    ///   - within: the window, longer than zero; by default 5 s.
    ///   - autoShutdown: whether the end of significant children ends the supervisor; by default never.
    ///   - name: the name to register; by default none.
    ///   - children: the children, in start order; asked again at each start of this supervisor.
    /// - Returns: the reference, when every child has started.
    /// - Throws: ``StartError``; `child` with the id and the cause when a child fails: those before it have been stopped again. One
    ///   that throws `Ignore` is no failure: it stays stopped.
    public nonisolated(nonsending) static func start(
        _ strategy: Strategy = .oneForOne, maxRestarts: Int = 3, within: Duration = .seconds(5),
        autoShutdown: AutoShutdown = .never, name: Name? = nil,
        @ChildBuilder _ children: @escaping @Sendable () -> [ChildSpec]
    ) async throws(StartError) -> Ref {
        let budget = RestartBudget(maxRestarts: maxRestarts, within: within)
        return try await start(
            Argument(strategy: strategy, budget: budget, autoShutdown: autoShutdown, children: children), name: name)
    }

    /// `start`, linked with the current process (`supervisor:start_link/3`).
    ///
    /// Traps outside a process. When a child fails, a starter that does not trap exits ends with `.shutdown` (R2).
    ///
    /// - Parameters:
    ///   - strategy: which children restart together; by default each alone.
    ///   - maxRestarts: restarts allowed `within` a sliding window, 0 for none; by default 3.
    ///   - within: the window, longer than zero; by default 5 s.
    ///   - autoShutdown: whether the end of significant children ends the supervisor; by default never.
    ///   - name: the name to register; by default none.
    ///   - children: the children, in start order; asked again at each start of this supervisor.
    /// - Returns: the reference, when every child has started.
    /// - Throws: ``StartError`` as `start` does.
    public nonisolated(nonsending) static func startLink(
        _ strategy: Strategy = .oneForOne, maxRestarts: Int = 3, within: Duration = .seconds(5),
        autoShutdown: AutoShutdown = .never, name: Name? = nil,
        @ChildBuilder _ children: @escaping @Sendable () -> [ChildSpec]
    ) async throws(StartError) -> Ref {
        let budget = RestartBudget(maxRestarts: maxRestarts, within: within)
        return try await startLink(
            Argument(strategy: strategy, budget: budget, autoShutdown: autoShutdown, children: children), name: name)
    }

    /// A supervisor as a child of another: permanent, and given all the time it needs to stop.
    ///
    /// - Parameters:
    ///   - id: unique in the supervisor above.
    ///   - strategy: which children restart together; by default each alone.
    ///   - maxRestarts: restarts allowed `within` a sliding window, 0 for none; by default 3.
    ///   - within: the window, longer than zero; by default 5 s.
    ///   - autoShutdown: whether the end of significant children ends the supervisor; by default never.
    ///   - name: the name to register; by default none.
    ///   - children: the children, in start order.
    /// - Returns: the spec; `with` changes what else is to differ.
    public static func child(
        _ id: ChildID, _ strategy: Strategy = .oneForOne, maxRestarts: Int = 3, within: Duration = .seconds(5),
        autoShutdown: AutoShutdown = .never, name: Name? = nil,
        @ChildBuilder _ children: @escaping @Sendable () -> [ChildSpec]
    ) -> ChildSpec {
        let budget = RestartBudget(maxRestarts: maxRestarts, within: within)
        let argument = Argument(
            strategy: strategy, budget: budget, autoShutdown: autoShutdown, children: children)
        return ChildSpec(id: id, shutdown: .infinity) { try await startLink(argument, name: name).pid }
            .with { ($0.isSupervisor, $0.isLinked) = (true, true) }
    }
}
