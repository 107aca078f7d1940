// SPDX-License-Identifier: Apache-2.0
// Keeps a list of children running. For children that come and go see DynamicSupervisor. What it decides: ChildTable; how
// it does it: ChildKeeper. Asynchronous only for its first and last moments: it awaits its children in `init` and
// `terminate`, never in between.

/// A server that starts its children in order, restarts those that end, and stops them in reverse order (R18, R19).
///
/// `start` returns when every child has started. A child that ends is started again as its ``ChildSpec/Restart`` and the
/// supervisor's ``Strategy`` say, with the same argument; after more restarts than its ``RestartBudget`` allows it gives up:
/// it ends all children and exits `.shutdown`, which its own supervisor sees as the end of a child.
///
/// It never waits for a child while it runs: starts happen in tasks of their own, and a child that takes long to start, to
/// end or to come back (``ChildSpec/backoff``) holds up neither its siblings nor questions. It is linked with its children
/// and traps exits; if it is killed, they end with it.
///
/// OTP: `supervisor`. Beyond it: backoff, budgets of single children, restarts that do not block.
///
/// ```swift
/// let tree = try await Supervisor.start(.restForOne) {
///     Database.child(url, name: Database.name)
///     Cache.child(name: Cache.name)
/// }
/// ```
///
/// When not to use: for children started and stopped all the time, where ``DynamicSupervisor`` costs less and stops them at
/// once; for a computation that shall not be repeated when it fails.
public struct Supervisor: AsyncGenServer, ~Copyable {
    /// Which children are restarted with one that ended.
    public enum Strategy: Sendable {
        /// Only it.
        case oneForOne
        /// All: the others are ended first, in reverse order.
        case oneForAll
        /// It and those started after it, which are ended first.
        case restForOne
    }

    /// When the end of significant children ends the supervisor (`auto_shutdown`).
    public enum AutoShutdown: Sendable {
        /// Never. The default; then no child may be significant.
        case never
        /// With the first that ends by itself and is not restarted.
        case anySignificant
        /// With the last.
        case allSignificant
    }

    /// What a supervisor is started with.
    public struct Argument: Sendable {
        /// Which children restart together; by default `.oneForOne`.
        public var strategy: Strategy
        /// Restarts allowed in a sliding window, one more and the supervisor gives up; by default 3 in 5 s.
        public var budget: RestartBudget
        /// Default `.never`.
        public var autoShutdown: AutoShutdown
        /// The children, in start order; asked again at each start of the supervisor.
        public var children: @Sendable () -> [ChildSpec]
        /// Whether giving up is an error: of a program's own tree.
        var endsProgram = false
        /// Where its end is noted.
        package var end: TreeEnd?

        /// An argument.
        ///
        /// - Parameters:
        ///   - strategy: which children restart together.
        ///   - budget: restarts allowed in a sliding window.
        ///   - autoShutdown: whether the end of significant children ends the supervisor.
        ///   - children: the children, in start order.
        public init(
            strategy: Strategy = .oneForOne, budget: RestartBudget = RestartBudget(),
            autoShutdown: AutoShutdown = .never, @ChildBuilder children: @escaping @Sendable () -> [ChildSpec]
        ) {
            self.strategy = strategy
            self.budget = budget
            self.autoShutdown = autoShutdown
            self.children = children
        }
    }

    /// Administration; see the functions on `ServerAddress`.
    public struct Call: Sendable { let request: Request }
    /// News of children, which the supervisor sends to itself.
    public typealias Message = ChildNews

    enum Request: Sendable {
        case start(ChildSpec, From<Result<Pid, StartError>>)
        case stop(ChildID, From<SupervisorError?>)
        case restart(ChildID, From<Result<Pid, SupervisorError>>)
        case delete(ChildID, From<SupervisorError?>)
        case children(From<[ChildStatus]>)
        case counts(From<ChildCounts>)
    }

    /// True: the ends of children are its work.
    public static var trapsExits: Bool { true }

    private let keeper: ChildKeeper
    private let end: TreeEnd?

    /// Callback of the engine; use `start`.
    public nonisolated(nonsending) init(_ argument: Argument) async throws {
        let table = ChildTable(
            argument.strategy, argument.budget, autoShutdown: argument.autoShutdown, seed: ChildKeeper.seed)
        end = argument.end
        keeper = ChildKeeper(table, Self.current.process)
        keeper.endsProgram = argument.endsProgram
        try await keeper.startAll(argument.children())
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
        switch call.request {
        case .start(let spec, let from):
            let waiter = keeper.ask(.start(from))
            let fault = spec.fault(keeper.table.autoShutdown).map { StartError.failed($0) }
            guard let error = fault ?? keeper.table.add(spec, waiter: waiter) else { return keeper.perform() }
            keeper.withdraw(waiter)
            return from.reply(.failure(error))
        case .stop(let id, let from):
            guard let child = keeper.table.book.child(id) else { return from.reply(.notFound(id)) }
            keeper.table.stop(child, waiter: keeper.ask(.stop(from)))
            return keeper.perform()
        case .restart(let id, let from):
            guard let child = keeper.table.book.child(id) else { return from.reply(.failure(.notFound(id))) }
            let waiter = keeper.ask(.restart(from))
            guard let error = keeper.table.restart(child, waiter: waiter) else { return keeper.perform() }
            keeper.withdraw(waiter)
            return from.reply(.failure(error))
        case .delete(let id, let from):
            guard let child = keeper.table.book.child(id) else { return from.reply(.notFound(id)) }
            return from.reply(keeper.table.delete(child))
        case .children(let from): return from.reply(keeper.table.statuses)
        case .counts(let from): return from.reply(keeper.table.counts)
        }
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleInfo(_ info: Info<Message>) async throws -> Next {
        keeper.handle(info)
    }

    /// Callback of the engine: ends the children, in reverse order, each within its own time.
    public nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws {
        await keeper.end(isConcurrent: false)
        end?.note(reason)
    }
}
