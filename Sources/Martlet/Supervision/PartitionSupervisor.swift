// SPDX-License-Identifier: Apache-2.0
// One server in several copies, chosen by key. For servers that are not alike see Supervisor.

/// A supervisor of equal servers: `name(for:)` says which copy owns a key.
///
/// A server is one line of work; when it is the bottleneck and its state can be split by key, copies of it share the load.
/// Each copy restarts for itself.
///
/// OTP: Elixir's `PartitionSupervisor`.
///
/// ```swift
/// let counters: PartitionSupervisor<Counter>.Name = "counters"
/// _ = try await PartitionSupervisor<Counter>.start(.init { _ in 0 }, name: counters)
/// try await counters.name(for: userID).call { .increment(by: 1, $0) }
/// ```
///
/// When not to use: where one copy keeps up; where requests need the state of several keys at once.
public struct PartitionSupervisor<S: Server & ~Copyable>: AsyncGenServer, ~Copyable {
    /// What it is started with.
    public struct Argument: Sendable {
        /// Copies; by default nil: one a worker.
        public var partitions: Int?
        /// Restarts allowed in a sliding window, over all copies; by default 3 in 5 s.
        public var budget = RestartBudget()
        /// The argument of each copy, by its index.
        public var argument: @Sendable (Int) -> S.Argument

        /// Copies of `S`.
        ///
        /// Traps when `partitions` is below 1.
        ///
        /// - Parameters:
        ///   - partitions: how many; by default one a worker.
        ///   - file: where a trap is reported; the caller's by default.
        ///   - line: where a trap is reported; the caller's by default.
        ///   - argument: the argument of each copy, by its index.
        public init(
            partitions: Int? = nil, file: StaticString = #fileID, line: UInt = #line,
            argument: @escaping @Sendable (Int) -> S.Argument
        ) {
            if let partitions {
                precondition(partitions > 0, "expected 1 or more partitions, got \(partitions)", file: file, line: line)
            }
            self.partitions = partitions
            self.argument = argument
        }
    }

    /// Administration; see the functions on `ServerAddress`.
    public struct Call: Sendable { let request: Request }
    /// News of copies, which the supervisor sends to itself.
    public typealias Message = ChildNews

    enum Request: Sendable {
        case resize(Int, From<Void>)
        case partitions(From<[Pid?]>)
    }

    /// True: the ends of copies are its work.
    public static var trapsExits: Bool { true }

    private let keeper: ChildKeeper
    private let places: PartitionPlaces
    private let argument: @Sendable (Int) -> S.Argument
    private var count: Int
    /// Resizes that were asked for, the one under way first.
    private var resizes: [(partitions: Int, from: From<Void>)] = []
    /// The copies that end in it; nil: none is under way.
    private var ending: ChildKeeper.Countdown?

    /// Callback of the engine; use `start`.
    public nonisolated(nonsending) init(_ argument: Argument) async throws {
        let me = Self.current
        keeper = ChildKeeper(ChildTable(.oneForOne, argument.budget, seed: ChildKeeper.seed), me.process)
        count = argument.partitions ?? Runtime.current.workers
        self.argument = argument.argument
        places = PartitionPlaces(of: me.pid, count: count)
        let specs = (0..<count).map { Self.copy($0, me.pid, argument.argument) }
        try await keeper.startAll(specs)
    }

    private static func copy(_ index: Int, _ supervisor: Pid, _ argument: (Int) -> S.Argument) -> ChildSpec {
        S.child(
            argument(index), id: "\(index)",
            name: ServerName(PartitionPlaces.Slot(supervisor: supervisor, index: index)))
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
        switch call.request {
        case .resize(let partitions, let from):
            resizes.append((partitions, from))
            return resize()
        case .partitions(let from):
            return from.reply((0..<count).map { keeper.table.book.child("\($0)")?.pid })
        }
    }

    /// Goes on with the resizes: one after the other, each when the copies of the one before have ended.
    private mutating func resize() -> Next {
        while let (partitions, from) = resizes.first {
            if ending == nil { begin(to: partitions) }
            if case .stop(let reason) = keeper.perform()._kind { return .stop(reason) }
            guard ending?.left == 0 else { return .wait }
            ending = nil
            resizes.removeFirst()
            _ = from.reply(())
        }
        return .wait
    }

    private mutating func begin(to partitions: Int) {
        let ending = ChildKeeper.Countdown()
        self.ending = ending
        // Keys go to the copies that stay before the others end, and to new ones when they are being started.
        if partitions < count { places.setCount(partitions) }
        for index in partitions..<max(partitions, count) {
            guard let child = keeper.table.book.child("\(index)") else { continue }
            ending.left += 1
            keeper.table.stop(child, waiter: keeper.ask(.countdown(ending)))
        }
        for index in count..<max(partitions, count) {
            if let child = keeper.table.book.child("\(index)") {
                _ = keeper.table.restart(child, waiter: nil)
            } else {
                _ = keeper.table.add(Self.copy(index, Self.current.pid, argument), waiter: nil)
            }
        }
        if partitions > count { places.setCount(partitions) }
        count = partitions
    }

    /// Callback of the engine.
    public nonisolated(nonsending) mutating func handleInfo(_ info: Info<Message>) async throws -> Next {
        let next = keeper.handle(info)
        guard case .wait = next._kind, ending?.left == 0 else { return next }
        return resize()
    }

    /// Callback of the engine: ends the copies, all at once, each within its own time.
    public nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws {
        await keeper.end(isConcurrent: true)
    }
}

extension ServerAddress {
    /// The copy that owns `key`, as a name: it leads to whichever incarnation is there when it is used.
    ///
    /// Any thread. Asked of a supervisor's name it follows the supervisor's restarts as well. A name to call by, not to
    /// start with.
    ///
    /// - Parameter key: equal keys have the same copy, until the supervisor is resized.
    /// - Returns: the name.
    /// - Complexity: O(1), lock-free.
    public func name<S: Server & ~Copyable>(for key: some Hashable) -> ServerName<S>
    where Ref == ServerRef<PartitionSupervisor<S>>, Self: Sendable {
        ServerName(PartitionName(address: self, hash: key.hashValue))
    }

    /// Changes the number of copies; keys move, state does not.
    ///
    /// Traps when `partitions` is below 1. Copies that are no longer wanted end in good order, and are killed after 5 s; new
    /// ones start. This returns when keys are routed among the new number, and those that end have ended, which may be
    /// before the new ones have started. The supervisor serves others meanwhile; resizes happen one after the other.
    ///
    /// - Parameters:
    ///   - partitions: how many from now on.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func resize<S: Server & ~Copyable>(
        to partitions: Int, file: StaticString = #fileID, line: UInt = #line
    ) async throws(CallError)
    where Ref == ServerRef<PartitionSupervisor<S>>, Call == PartitionSupervisor<S>.Call {
        precondition(partitions > 0, "expected 1 or more partitions, got \(partitions)", file: file, line: line)
        try await call(timeout: nil) { PartitionSupervisor<S>.Call(request: .resize(partitions, $0)) }
    }

    /// The process of each copy, by index; nil: it is being started again.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func partitions<S: Server & ~Copyable>() async throws(CallError) -> [Pid?]
    where Ref == ServerRef<PartitionSupervisor<S>>, Call == PartitionSupervisor<S>.Call {
        try await call { PartitionSupervisor<S>.Call(request: .partitions($0)) }
    }
}
