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
    /// Before the tree starts; a throw ends the program with status 1. Default: nothing.
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
    /// The first signal stops the tree in order, within ``stopDeadline``, as soon as it has started; a second one kills it at
    /// once, also while it starts. While this runs the signals do not end the OS process.
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
        do { try await willStart() } catch { throw ExitSignal(ExitReason(thrown: error)) }
        var argument = Supervisor.Argument(strategy: strategy, budget: budget) { children }
        argument.endsProgram = true
        let options = StartOptions(label: "\(Self.self)", runtime: runtime)
        let start = Task(executorPreference: runtime.executor) { [argument] in
            try await Supervisor.start(argument, options: options)
        }
        let stopping = Task(executorPreference: runtime.executor) { await stop(start, told: signals) }
        let reason: ExitReason
        do { reason = await (try start.value).pid.waitForExitUncancelled() } catch { reason = .error(error) }
        stopping.cancel()
        let wasKilled = await stopping.value
        await didStop()
        // Who was stuck is gone, and the rest may have ended in order since: still not an end in order.
        if wasKilled { throw ExitSignal(.killed) }
        switch reason {
        case .normal, .shutdown, .shutdownWith: return
        case .killed, .noProcess, .error: throw ExitSignal(reason)
        }
    }

    /// The entry point of `@main`: runs the tree on the shared runtime; status 1 if that throws.
    public static func main() async {
        do { try await Self().run() } catch {
            Logger(label: "martlet").critical("program ends", metadata: ["reason": "\(error.reason)"])
            exit(1)
        }
    }

    /// In order at the first signal, at once at the second; a start that is cancelled takes its children along.
    ///
    /// - Returns: whether anything had to be killed.
    private nonisolated(nonsending) func stop(
        _ start: Task<Supervisor.Ref, any Error>, told signals: AsyncStream<Int32>
    ) async -> Bool {
        var inOrder: Task<Bool, Never>?
        var wasKilled = false
        for await _ in signals {
            if inOrder != nil {
                wasKilled = true
                start.cancel()
                await (try? start.value)?.shutDown(deadline: .zero)
                continue
            }
            let deadline = stopDeadline
            inOrder = Task {
                guard let tree = try? await start.value else { return true }
                let report = await tree.shutDown(deadline: deadline)
                SupervisorLog.stuck(report)
                return report.stuck.isEmpty
            }
        }
        return await inOrder?.value == false || wasKilled
    }
}
