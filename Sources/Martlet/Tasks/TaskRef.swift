// SPDX-License-Identifier: Apache-2.0
// Work under way, in the hands of whoever started it.

/// Work started by `Tasks.async`: its process, and the value to come.
///
/// Copy it freely: 16 bytes, no reference counting. The value is taken once, by the owner: the process that started the
/// work; anybody, when it was started outside of processes. It never enters the owner's mailbox. What is not taken is
/// destroyed when its owner ends: at once for a server, within two minutes for a raw process, and within two minutes of
/// the work's end when it was started outside of processes.
///
/// OTP: Elixir's `Task` struct.
///
/// ```swift
/// let page = Tasks.async { try await fetch(url) }
/// let cached = cache.lookup(url)
/// return try await page.value(timeout: .seconds(2))
/// ```
///
/// When not to use: inside one function, where `async let` and task groups are cheaper and cannot be forgotten.
public struct TaskRef<Value: Sendable>: Hashable, Sendable, BitwiseCopyable {
    let work: Work<Value>

    /// The process that works; `Pid.none` of a completed task.
    public var pid: Pid { work.pid }

    /// Waits for the value (`Task.await`).
    ///
    /// When this throws `timeout`, or `cancelled`, the work goes on and its value will vanish: to ask again later use
    /// ``yield(timeout:file:line:)``, to end the work ``shutdown(_:)``. A wait that closes a cycle of calls fails at once with
    /// `cycle`. Traps when the value was taken before, or somebody waits for it.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait; 5 s by default, nil for ever. In a handler at most the time its own request has left.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: what the work returned.
    /// - Throws: ``TaskError``: `exited` with what the work threw or was ended with, `timeout`, `cancelled`, `notOwner`,
    ///   `cycle`.
    public nonisolated(nonsending) func value(
        timeout: Duration? = .seconds(5), file: StaticString = #fileID, line: UInt = #line
    ) async throws(TaskError) -> Value { try Self.value(of: await work.take(within: timeout, file, line)) }

    /// Waits for the value in synchronous code (`Task.await`).
    ///
    /// Blocks the thread; inside a handler another worker takes over its queue.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait; 5 s by default, nil for ever. In a handler at most the time its own request has left.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: what the work returned.
    /// - Throws: ``TaskError`` as when awaited; also `wouldBlockPool` on a thread of Swift's cooperative pool, which leaves the
    ///   value where it was.
    @available(*, noasync)
    public func value(
        timeout: Duration? = .seconds(5), file: StaticString = #fileID, line: UInt = #line
    ) throws(TaskError) -> Value { try Self.value(of: work.takeBlocking(within: timeout, file, line)) }

    /// The value if it comes within `timeout`, else nil; ask again later (`Task.yield`).
    ///
    /// A cancelled wait throws, and leaves the value where it was. Traps as `value` does.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait; by default it only looks.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: what the work returned; nil when it is not done.
    /// - Throws: ``TaskError``: `exited`, `cancelled`, `notOwner`; `timeout` after a `value` that timed out or was cancelled.
    public nonisolated(nonsending) func yield(
        timeout: Duration = .zero, file: StaticString = #fileID, line: UInt = #line
    ) async throws(TaskError) -> Value? { try Self.valueIfAny(of: await work.look(within: timeout, file, line)) }

    /// Ends the work, and returns the value if it was done before (`Task.shutdown`).
    ///
    /// The process gets exit `.shutdown`, and is killed if it takes longer than that; the link to the owner is given up
    /// before. Its Swift task is cancelled, and goes on unheard until it returns. May follow a `value` that timed out, which
    /// gave the value up. Cancelling the wait kills the process at once.
    ///
    /// - Parameter how: how the process is told to end; by default with 5 s of grace.
    /// - Returns: what the work returned; nil when it ended without, or the value is gone.
    /// - Throws: ``TaskError``: `exited` when the work had ended otherwise, `notOwner`, and then it goes on.
    @discardableResult
    public nonisolated(nonsending) func shutdown(
        _ how: ChildSpec.Shutdown = .after(.seconds(5))
    ) async throws(TaskError) -> Value? {
        let grace: Duration? =
            switch how {
            case .after(let grace): grace
            case .infinity: .nanoseconds(Int64.max)
            case .brutalKill: nil
            }
        return try Self.valueIfAny(of: await work.end(grace: grace))
    }

    /// Lets the work go on without its owner: the link is given up, the value vanishes (`Task.ignore`).
    ///
    /// Does nothing in another process than the owner.
    public func ignore() { work.forget() }

    // MARK: Outcomes

    static func value(of outcome: Work<Value>.Outcome) throws(TaskError) -> Value {
        if let value = try valueIfAny(of: outcome) { return value }
        throw .timeout
    }

    /// Nil: there is none yet.
    static func valueIfAny(of outcome: Work<Value>.Outcome) throws(TaskError) -> Value? {
        switch outcome {
        case .value(let value): return value
        case .nothing: return nil
        case .timeout: throw .timeout
        case .cancelled: throw .cancelled
        case .notOwner: throw .notOwner
        case .wouldBlockPool: throw .wouldBlockPool
        case .exited(let reason): throw .exited(reason)
        case .cycle(let pids): throw .cycle(pids)
        }
    }
}
