// SPDX-License-Identifier: Apache-2.0
// Slow work out of a handler: the result comes back as a message (pipe to self).

extension ServerAddress {
    /// Runs `work` in a process linked with nobody, and sends what `message` makes of its result, in any case once.
    ///
    /// A throw is a failure with that error, and no crash. A process that ends otherwise, as by a kill, is a failure with
    /// the ``ExitSignal``. No bound of the mailbox refuses or drops the message. The server goes on meanwhile; what it was
    /// asked for it can answer when the message comes: keep the `From`, or capture it. To end the work before, end the
    /// process: the message comes then as well.
    ///
    /// Traps as ``Tasks/async(file:line:_:)`` does.
    ///
    /// OTP: the message of `Task.Supervisor.async_nolink/2`, in the type that the server declares.
    ///
    /// ```swift
    /// case .disburse(let from):
    ///     Self.current.sendResult(of: { try await bank.transfer(order) }) { .disbursed($0, from) }
    ///     return .wait
    /// ```
    ///
    /// - Parameters:
    ///   - work: runs once, on the runtime's workers; it may suspend.
    ///   - message: makes the message; runs once, in a task of its own. A name is looked up then.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the process that works.
    @discardableResult
    public func sendResult<Value: Sendable>(
        of work: sending @escaping () async throws -> Value, file: StaticString = #fileID, line: UInt = #line,
        _ message: @escaping @Sendable (Result<Value, any Error>) -> Message
    ) -> Pid {
        let started = Work<Result<Value, any Error>>.run {
            do { return .success(try await work()) } catch { return .failure(error) }
        } finish: { outcome in
            switch outcome {
            case .value(let result): _sendOwed(message(result))
            case .exited(let reason): _sendOwed(message(.failure(ExitSignal(reason))))
            default: _sendOwed(message(.failure(ExitSignal(.noProcess))))
            }
        }
        switch started {
        case .success(let pid): return pid
        case .failure(let failure):
            preconditionFailure("expected a runtime with room for a process, got \(failure)", file: file, line: line)
        }
    }
}
