// SPDX-License-Identifier: Apache-2.0
// A tree of supervised processes as one service of a ServiceGroup. Not a supervisor of services: see ChildSpec+Service.

public import Martlet
public import ServiceLifecycle

/// A tree that runs as a service: started by `run`, stopped in order by a graceful shutdown.
///
/// The end of the tree is the end of the service. A tree that gives up, or ends with another reason than `.normal` or
/// `.shutdown`, ends `run` with a throw, and what the group does then is the group's configuration.
///
/// ```swift
/// let tree = TreeService(deadline: .seconds(20)) {
///     Database.child(url, name: Database.name)
///     Checkout.child(name: Checkout.name)
/// }
/// try await ServiceGroup(services: [server, tree], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
///
/// When not to use: in a program that is nothing but a tree; that is an `Application`.
public struct TreeService: Service {
    private let argument: Supervisor.Argument
    private let deadline: Duration
    private let runtime: Runtime

    /// A tree from its supervisor's argument.
    ///
    /// - Parameters:
    ///   - argument: what the supervisor is started with.
    ///   - deadline: the time for the whole tree to stop; who is stuck then is killed. By default 30 s.
    ///   - runtime: where it runs; by default the shared one.
    public init(_ argument: Supervisor.Argument, deadline: Duration = .seconds(30), on runtime: Runtime = .shared) {
        self.argument = argument
        self.deadline = deadline
        self.runtime = runtime
    }

    /// A tree from its children.
    ///
    /// - Parameters:
    ///   - strategy: which children restart together; by default each alone.
    ///   - deadline: the time for the whole tree to stop; who is stuck then is killed. By default 30 s.
    ///   - runtime: where it runs; by default the shared one.
    ///   - children: the children, in start order.
    public init(
        _ strategy: Supervisor.Strategy = .oneForOne, deadline: Duration = .seconds(30),
        on runtime: Runtime = .shared, @ChildBuilder children: @escaping @Sendable () -> [ChildSpec]
    ) {
        self.init(.init(strategy: strategy, children: children), deadline: deadline, on: runtime)
    }

    /// Starts the tree and returns when it has ended.
    ///
    /// A graceful shutdown and a cancellation both stop it in order, within the deadline; one that comes while the tree is
    /// being started ends the start, and kills what is there.
    ///
    /// - Throws: `StartError` when the tree does not start; `ExitSignal` with the reason when it ends abnormally, `.killed`
    ///   where the deadline ended any of it. Who was stuck is in the log.
    public func run() async throws {
        let tree = TreeRun(deadline: deadline, on: runtime) { end async throws(StartError) in
            var argument = argument
            argument.end = end
            return try await Supervisor.start(argument, options: StartOptions(runtime: runtime))
        }
        let end = await withGracefulShutdownHandler {
            await tree.end()
        } onGracefulShutdown: {
            tree.stop()
        }
        switch end {
        case .success(let reason): if reason.isAbnormal { throw ExitSignal(reason) }
        case .failure(let error): if !tree.isTold { throw error }
        }
    }
}
