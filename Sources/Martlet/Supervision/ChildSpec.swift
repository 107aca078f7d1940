// SPDX-License-Identifier: Apache-2.0
// How to start, restart and stop one child. Erased: a list mixes every server type.

/// One child of a supervisor: how it is started, when it is started again, how it is told to end (R18).
///
/// Every server makes its own with `child`, as `Counter.child(0, name: Counter.name)`; write one by hand for a process
/// that is started in another way.
///
/// OTP: `supervisor:child_spec()`.
public struct ChildSpec: Sendable {
    /// When a child that ended is started again.
    public enum Restart: Sendable {
        /// Always. The default.
        case permanent
        /// After an abnormal end, see ``ExitReason/isAbnormal``.
        case transient
        /// Never; its spec goes with it.
        case temporary
    }

    /// How a child is told to end.
    public enum Shutdown: Sendable {
        /// Exit `.shutdown`, and a kill if it takes longer. Default: 5 s, for all but supervisors.
        case after(Duration)
        /// Exit `.shutdown`, and wait as long as it takes. The default of supervisors, which have limits below them.
        case infinity
        /// Kill.
        case brutalKill
    }

    /// Unique in its supervisor.
    public var id: ChildID
    /// When it is started again.
    public var restart: Restart
    /// How it is stopped.
    public var shutdown: Shutdown
    /// Whether it is a supervisor itself, as tools show it; by default false.
    public var isSupervisor = false
    /// Whether its end can end the supervisor, see ``Supervisor/AutoShutdown``; by default false, and never for permanent
    /// children.
    public var isSignificant = false
    /// The delay before a restart; by default nil: at once.
    public var backoff: Backoff? {
        get { limits?.backoff }
        set { limits = Limits(newValue, budget) }
    }
    /// Restarts of this child alone; by default nil: they count with its supervisor's.
    public var budget: RestartBudget? {
        get { limits?.budget }
        set { limits = Limits(backoff, newValue) }
    }
    /// Starts it: returns a process linked with the current one, as `startLink` and `spawnLink` do.
    ///
    /// Runs as code of the supervisor's process (`Pid.current`), in a task of its own: it may take its time, and the
    /// supervisor goes on. The task is cancelled when the child is no longer wanted. A process that is not linked is
    /// never seen to end, and one that is started here and not returned is not stopped.
    public var start: @Sendable () async throws -> Pid {
        didSet { (server, isLinked) = (nil, false) }
    }
    private var limits: Limits?
    /// Whether what `start` returns is linked for certain.
    var isLinked = false
    /// What `start` does, if that is to start a server.
    var server: (any RepeatedStart)?

    /// Few children have any, and a list may have many children.
    private final class Limits: Sendable {
        let backoff: Backoff?
        let budget: RestartBudget?

        /// Nil: there are none.
        init?(_ backoff: Backoff?, _ budget: RestartBudget?) {
            if backoff == nil, budget == nil { return nil }
            (self.backoff, self.budget) = (backoff, budget)
        }
    }

    /// A child that is started by any function that returns a linked process (S2).
    ///
    /// - Parameters:
    ///   - id: unique in its supervisor.
    ///   - restart: when it is started again; by default always.
    ///   - shutdown: how it is stopped; by default exit `.shutdown`, and a kill after 5 s.
    ///   - start: starts it and returns its pid. What it throws fails the start: a `StartError` as it is, anything else as
    ///     `StartError.failed`.
    public init(
        id: ChildID, restart: Restart = .permanent, shutdown: Shutdown = .after(.seconds(5)),
        start: @escaping @Sendable () async throws -> Pid
    ) {
        self.id = id
        self.restart = restart
        self.shutdown = shutdown
        self.start = start
    }

    /// This child with other settings: `Counter.child(0).with { $0.isSignificant = true }`.
    ///
    /// - Parameter change: sets what is to be different.
    /// - Returns: the changed copy.
    public func with(_ change: (inout ChildSpec) -> Void) -> ChildSpec {
        var spec = self
        change(&spec)
        return spec
    }
}
