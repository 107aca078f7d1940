// SPDX-License-Identifier: Apache-2.0
// How a call can fail. Not how a request can: a domain error is part of the reply, `From<Result<Value, Failure>>`.

/// Why a call has no reply, whom it asked and for what.
///
/// Calls, and the operations built on them, throw it and nothing else. It tells of the call only: after `timeout`,
/// `cancelled` and `exited` the server may have done the work, in part or in full. A reply that comes later vanishes
/// (R4).
///
/// `catch .timeout` matches the reason, see ``~=(_:_:)``.
///
/// OTP: the exit `{Reason, {gen_server, call, [Target, Request, Timeout]}}` that leaves `gen_server:call/3`.
///
/// ```swift
/// do {
///     count = try await counter.call { .get($0) }
/// } catch .timeout {
///     count = lastKnown
/// }
/// ```
public struct CallError: Error, Sendable {
    /// Why a call has no reply.
    ///
    /// New reasons may be added: a `switch` needs a default.
    @nonexhaustive
    public enum Reason: Sendable {
        /// The reply did not come within the timeout of the call. The server is not told and may still do the work; a
        /// request that it has not begun by then is skipped (R3).
        case timeout
        /// There was no such process, or the name led nowhere.
        case noProcess
        /// The process ended before it replied, with this reason.
        case exited(ExitReason)
        /// The process called itself, which could only end in a timeout.
        case callingSelf
        /// The call would have waited for itself: each of these processes waits for the next, the last for the first; the
        /// first is the one whose call this is. Found at once, before anything is sent, for blocking calls from
        /// synchronous handlers and for awaiting ones from the task of a process; starts, stops and casts that wait count
        /// too. Of processes that close one cycle at the same moment exactly one is told.
        case cycle([Pid])
        /// The mailbox is full and refuses (`MailboxPolicy.Overflow.reject`), or there is no thread left to block.
        case overloaded
        /// The calling Swift task was cancelled while it waited.
        case cancelled
        /// A blocking call was made on a thread of Swift's cooperative pool, which must not be blocked; use `await`.
        case wouldBlockPool
    }

    /// Why.
    public let reason: Reason
    /// The process that was called; nil if a name led nowhere.
    public let target: Pid?
    /// The server type, as `Counter`, and with `cycle` the case of the request, as `Counter.get`; never its values.
    public let request: String

    @usableFromInline
    init(reason: Reason, target: Pid?, request: String) {
        self.reason = reason
        self.target = target
        self.request = request
    }

    /// Whether an error has a given reason, so that a `catch` can name it: `catch .timeout`.
    ///
    /// For the reasons without a value it is all there is to say. `cycle` is compared with its processes; `exited` with
    /// its exit reason if that has no value either, as in `catch .exited(.killed)`. Exit reasons with a value
    /// (`shutdownWith`, `error`) match nothing, as their values need not be comparable: switch over `error.reason`.
    ///
    /// - Parameters:
    ///   - reason: the reason to look for.
    ///   - error: the error caught.
    /// - Returns: true if it matches.
    public static func ~= (reason: Reason, error: CallError) -> Bool {
        switch (reason, error.reason) {
        case (.timeout, .timeout), (.noProcess, .noProcess), (.callingSelf, .callingSelf): true
        case (.overloaded, .overloaded), (.cancelled, .cancelled), (.wouldBlockPool, .wouldBlockPool): true
        case (.exited(let expected), .exited(let actual)): expected.isSamePlainCase(as: actual)
        case (.cycle(let expected), .cycle(let actual)): expected == actual
        default: false
        }
    }
}

extension CallError: CustomStringConvertible {
    /// One line that says what was called, whom and why it failed:
    /// `call of Counter to <12.3> failed: timeout`.
    ///
    /// It shows no value of the request, of an exit reason or of an error, only the names of types and cases.
    public var description: String {
        let target = target.map { "\($0)" } ?? "no process"
        return "call of \(request) to \(target) failed: \(reason)"
    }
}

extension CallError.Reason: CustomStringConvertible {
    /// The reason in words, on one line; the exit reason and the processes in it follow a colon.
    public var description: String {
        switch self {
        case .timeout: "timeout"
        case .noProcess: "no process"
        case .exited(let reason): "exited: \(reason)"
        case .callingSelf: "calling itself"
        case .cycle(let pids): "cycle: \(pids.map { "\($0)" }.joined(separator: " -> "))"
        case .overloaded: "overloaded"
        case .cancelled: "cancelled"
        case .wouldBlockPool: "would block Swift's cooperative pool"
        }
    }
}
