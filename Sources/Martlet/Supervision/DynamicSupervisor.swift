// SPDX-License-Identifier: Apache-2.0
// Children that come and go: many, unordered, stopped all at once. For a fixed list see Supervisor.

/// A supervisor that starts empty: children are started under it at run time, without ids.
///
/// Each child restarts for itself; one that ends for good is forgotten, so a supervisor of a million short lives keeps
/// nothing of them. It stops its children all at once, each within its own time. Starts under one supervisor overlap: a
/// slow `init` holds up nobody else.
///
/// OTP: Elixir's `DynamicSupervisor`. Its extra arguments are what the closure of a start, or a function of yours around
/// `start`, captures.
///
/// ```swift
/// let sessions: DynamicSupervisor.Name = "sessions"
/// let session = try await sessions.start(Session.self, id, restart: .transient)
/// ```
///
/// When not to use: for children that depend on each other, or that must be there before others start: ``Supervisor``.
public struct DynamicSupervisor: AsyncGenServer, ~Copyable {
    /// What it is started with.
    public struct Argument: Sendable {
        /// Children allowed, those included that are being started, one more fails with `maxChildren`; by default no limit.
        public var maxChildren: Int
        /// Restarts allowed in a sliding window, over all children, one more and it gives up; by default 3 in 5 s.
        public var budget: RestartBudget

        /// An argument.
        ///
        /// Traps when `maxChildren` or `maxRestarts` is negative, or `within` not positive.
        ///
        /// - Parameters:
        ///   - maxChildren: children allowed; by default no limit.
        ///   - maxRestarts: restarts allowed `within` a sliding window, 0 for none; by default 3.
        ///   - within: the window, longer than zero; by default 5 s.
        ///   - file: where a trap is reported; the caller's by default.
        ///   - line: where a trap is reported; the caller's by default.
        public init(
            maxChildren: Int = .max, maxRestarts: Int = 3, within: Duration = .seconds(5),
            file: StaticString = #fileID, line: UInt = #line
        ) {
            precondition(
                maxChildren >= 0, "expected maxChildren of 0 or more, got \(maxChildren)", file: file, line: line)
            self.maxChildren = maxChildren
            budget = RestartBudget(maxRestarts: maxRestarts, within: within, file: file, line: line)
        }
    }

    /// Administration; see the functions on `ServerAddress`.
    public struct Call: Sendable { let request: Request }
    /// News of children, which the supervisor sends to itself.
    public typealias Message = ChildNews

    enum Request: Sendable {
        case start(ChildSpec, From<Result<Pid, StartError>>)
        case stop(Pid, From<Bool>)
        case children(From<[Pid]>)
        case counts(From<ChildCounts>)
        case setMaxChildren(Int, From<Void>)
    }

    /// True: the ends of children are its work.
    public static var trapsExits: Bool { true }

    private let keeper: ChildKeeper
    private var maxChildren: Int

    /// Callback of the engine; use `start`.
    public nonisolated(nonsending) init(_ argument: Argument) async throws {
        let table = ChildTable(.oneForOne, argument.budget, forgets: true, seed: ChildKeeper.seed)
        maxChildren = argument.maxChildren
        keeper = ChildKeeper(table, Self.current.process)
        try keeper.checkMailbox()
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
        switch call.request {
        case .start(let spec, let from):
            if let fault = spec.fault(.never) { return from.reply(.failure(.failed(fault))) }
            if keeper.table.book.count >= maxChildren { return from.reply(.failure(.maxChildren)) }
            // Children have no ids here, so none is taken.
            _ = keeper.table.add(spec, waiter: keeper.ask(.start(from)))
            return keeper.perform()
        case .stop(let pid, let from):
            guard let child = keeper.table.book.child(of: pid) else { return from.reply(false) }
            keeper.table.stop(child, waiter: keeper.ask(.found(from)))
            return keeper.perform()
        case .children(let from): return from.reply(keeper.table.book.ordered.compactMap { $0.pid })
        case .counts(let from): return from.reply(keeper.table.counts)
        case .setMaxChildren(let count, let from):
            maxChildren = count
            return from.reply(())
        }
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleInfo(_ info: Info<Message>) async throws -> Next {
        keeper.handle(info)
    }

    /// Callback of the engine: ends the children, all at once, each within its own time.
    public nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws {
        await keeper.end(isConcurrent: true)
    }
}

extension DynamicSupervisor {
    /// This supervisor as a child of another: permanent, and given all the time it needs to stop.
    ///
    /// - Parameters:
    ///   - argument: limits; by default none on children, 3 restarts in 5 s.
    ///   - id: unique in the supervisor above; by default the type's name.
    ///   - name: the name to register; by default none.
    ///   - restart: when it is started again; by default always. It comes back empty.
    /// - Returns: the spec; `with` changes what else is to differ.
    public static func child(
        _ argument: Argument = Argument(), id: ChildID? = nil, name: Name? = nil,
        restart: ChildSpec.Restart = .permanent
    ) -> ChildSpec {
        ChildSpec(id: id ?? "DynamicSupervisor", restart: restart, shutdown: .infinity) {
            try await startLink(argument, name: name).pid
        }.with { ($0.isSupervisor, $0.isLinked) = (true, true) }
    }
}
