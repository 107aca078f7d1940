// SPDX-License-Identifier: Apache-2.0
// A program as one tree: `@main struct Shop: Application { var children: ... }`. Not a supervisor: it has one.

internal import Glibc
internal import Logging

/// A program: starts its tree, waits for SIGTERM or SIGINT, and stops the tree in reverse order within a deadline.
///
/// OTP: `application`, with the stop of `init`.
///
/// ```swift
/// @main struct Shop: Application {
///     var children: [ChildSpec] {
///         Database.child(url, name: Database.name)
///         Checkout.child(name: Checkout.name)
///     }
/// }
/// ```
///
/// When not to use: where another library owns the life of the process, as swift-service-lifecycle does; there the tree is
/// one of its services.
public protocol Application: Sendable {
    /// The top-level children, in start order.
    @ChildBuilder var children: [ChildSpec] { get }
    /// How they restart together; by default `.oneForOne`.
    var strategy: Supervisor.Strategy { get }
    /// Restarts of top-level children, one more and the program ends with ``RestartsExceeded``; by default 3 in 5 s.
    var budget: RestartBudget { get }
    /// Time for the whole tree to stop, who is stuck then is reported and killed; by default 30 s.
    var stopDeadline: Duration { get }

    /// The program.
    init()
    /// Before the tree starts. Default: nothing.
    ///
    /// - Throws: what ends the program with status 1; the tree does not start.
    func willStart() async throws
    /// After the tree has stopped, however it ended. Default: nothing.
    func didStop() async
}

extension Application {
    /// `.oneForOne`.
    public var strategy: Supervisor.Strategy { .oneForOne }
    /// 3 in 5 s.
    public var budget: RestartBudget { RestartBudget() }
    /// 30 s.
    public var stopDeadline: Duration { .seconds(30) }
    /// Nothing.
    public func willStart() async throws {}
    /// Nothing.
    public func didStop() async {}

    /// Runs the tree until SIGTERM or SIGINT, or until it ends by itself.
    ///
    /// The first signal stops the tree in order, within ``stopDeadline``; a second one kills it at once. A signal that comes
    /// earlier ends the start: the task of ``willStart()`` is cancelled, of a tree that is not up yet all processes are
    /// killed. While this runs the signals do not end the OS process. Cancelling the task that runs this does what the first
    /// signal does.
    ///
    /// - Parameter runtime: where the tree runs; by default the shared one.
    /// - Throws: ``ExitSignal`` with the reason if the tree ended in another way than `.shutdown` or `.normal`: `.killed` where
    ///   the deadline or a second signal ended any of it. If it could not start, `.error` with what `willStart` threw, with
    ///   the ``StartError``, or with ``RestartsExceeded``.
    public nonisolated(nonsending) func run(on runtime: Runtime = .shared) async throws(ExitSignal) {
        let signals = await TerminationSignals.caught()
        do throws(ExitSignal) { try await run(on: runtime, told: signals.stream) } catch {
            await signals.stop()
            throw error
        }
        await signals.stop()
    }

    /// The same with a stream in place of signals.
    nonisolated(nonsending) func run(on runtime: Runtime, told signals: AsyncStream<Int32>) async throws(ExitSignal) {
        let tree = TreeRun(deadline: stopDeadline, on: runtime) { end async throws(StartFailure) in
            try await start(on: runtime, end)
        }
        let telling = Task(executorPreference: runtime.executor) {
            for await _ in signals {
                if tree.isTold { tree.kill() } else { tree.stop() }
            }
        }
        let end = await tree.end()
        telling.cancel()
        switch end {
        case .failure(.notBegun): break
        case .success, .failure(.tree): await didStop()
        }
        switch end {
        case .success(let reason): if reason.isAbnormal { throw ExitSignal(reason) }
        case .failure(let error): if !tree.isTold { throw ExitSignal(error.reason) }
        }
    }

    private nonisolated(nonsending) func start(
        on runtime: Runtime, _ end: TreeEnd
    ) async throws(StartFailure) -> Supervisor.Ref {
        do { try await willStart() } catch { throw .notBegun(ExitReason(thrown: error)) }
        var argument = Supervisor.Argument(strategy: strategy, budget: budget) { children }
        (argument.endsProgram, argument.end) = (true, end)
        do throws(StartError) {
            return try await Supervisor.start(argument, options: StartOptions(label: "\(Self.self)", runtime: runtime))
        } catch { throw .tree(error) }
    }

    /// The entry point of `@main`: runs the tree on the shared runtime; status 1 if that throws.
    public static func main() async {
        do { try await Self().run() } catch {
            Logger(label: "martlet").critical("program ends", metadata: ["reason": "\(error.reason)"])
            exit(1)
        }
    }
}

/// Why a program did not come up.
private enum StartFailure: Error {
    case notBegun(ExitReason)
    case tree(StartError)

    var reason: ExitReason {
        switch self {
        case .notBegun(let reason): reason
        case .tree(let error): .error(error)
        }
    }
}
