// SPDX-License-Identifier: Apache-2.0
// The synchronous server behaviour. Not for code organisation: a server is for state that is shared, or work that must
// be serial.

/// A process with state, that answers calls and handles casts one at a time.
///
/// The conforming value is the state: it need not be Sendable, may be noncopyable, and is destroyed whatever ends the
/// process. A throw out of a callback ends the process with `.error` (OTP: raise); an ``ExitSignal`` ends it with its
/// reason. A Swift trap (array bounds, overflow, `fatalError`) ends the OS process and cannot be caught.
///
/// OTP: `gen_server`.
///
/// ```swift
/// struct Counter: GenServer {
///     enum Call { case increment(by: Int, From<Int>), get(From<Int>) }
///     private var count: Int
///     init(_ initial: Int) { count = initial }
///     mutating func handleCall(_ call: Call) -> Next {
///         switch call {
///         case .increment(let n, let from):
///             count += n
///             return from.reply(count)
///         case .get(let from):
///             return from.reply(count)
///         }
///     }
/// }
/// ```
///
/// When not to use: for a pure function, for data that one task owns, for a value that is mostly read. One server is one
/// line of work; it is a bottleneck when everybody calls it.
public protocol GenServer<Argument>: Server, ~Copyable {
    associatedtype Argument = Void
    associatedtype Call = Never
    associatedtype Cast = Never
    associatedtype Message = Never

    /// Makes the state, in the new process; start returns when it has (R1).
    ///
    /// Throw `Ignore()` to not start, `Refusal` to fail without an exit signal, anything else to fail with it (R2);
    /// `terminate` does not run.
    ///
    /// - Parameter argument: what the start was given; a restart gives it again.
    /// - Throws: what fails the start.
    init(_ argument: Argument) throws
    /// What to do first, read once after `init` (`{:ok, state, next}`). Default `.wait`.
    var afterInit: Next { get }
    /// Handles a call: reply through its `From`, now or later.
    ///
    /// Required unless `Call` is `Never`. A request whose caller has given up before it was begun is skipped.
    ///
    /// - Parameter call: the request, in the order of its sender (R5).
    /// - Returns: what to do next, as `From.reply` returns it.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleCall(_ call: Call) throws -> Next
    /// Handles a cast.
    ///
    /// Required unless `Cast` is `Never`.
    ///
    /// - Parameter cast: the request, in the order of its sender (R5).
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleCast(_ cast: Cast) throws -> Next
    /// Handles messages and signals.
    ///
    /// Required unless `Message` is `Never`; then it logs and waits (R17).
    ///
    /// - Parameter info: what came, in the order of its sender (R5).
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleInfo(_ info: Info<Message>) throws -> Next
    /// Runs after a callback that returned `.continue`, before any queued message (R8).
    ///
    /// Default: waits.
    ///
    /// - Returns: what to do next; `.continue` again is allowed.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleContinue() throws -> Next
    /// Last words: after a stop, a throw, `stop()` or a supervised shutdown, in bounded time; never after a kill or when
    /// `init` failed (R11).
    ///
    /// The state's `deinit` always runs. A throw becomes the reason of the exit. Default: nothing.
    ///
    /// - Parameter reason: why the process ends.
    /// - Throws: what becomes the reason of the exit.
    mutating func terminate(_ reason: ExitReason) throws
}

extension GenServer where Self: ~Copyable {
    /// `.wait`.
    @inlinable public var afterInit: Next { .wait }
    /// Waits.
    @inlinable public mutating func handleContinue() throws -> Next { .wait }
    /// Does nothing.
    @inlinable public mutating func terminate(_ reason: ExitReason) throws {}
    /// Whether the type says so.
    @inlinable public static var _runsInPlace: Bool { execution == .caller }
    /// The handler, inlined into the caller.
    @inlinable @inline(__always)
    public static func _handleInPlace(_ state: _StateAddress, _ call: consuming Call) throws -> Next {
        try _State<_ServerState<Self>>(state).value.server.handleCall(call)
    }
    /// The engine of GenServer.
    @inlinable
    public static func _boot(_ boot: consuming ServerBoot<Self>) { boot.serve(Self.self) }
}

extension GenServer where Self: ~Copyable, Call == Never {
    /// Never called.
    @inlinable public mutating func handleCall(_ call: Never) throws -> Next {}
}

extension GenServer where Self: ~Copyable, Cast == Never {
    /// Never called.
    @inlinable public mutating func handleCast(_ cast: Never) throws -> Next {}
}

extension GenServer where Self: ~Copyable, Message == Never {
    /// Logs the kind of an unexpected signal and waits (R17).
    public mutating func handleInfo(_ info: Info<Never>) throws -> Next {
        _UnexpectedInfo.log(info, in: _shortTypeName(Self.self))
        return .wait
    }
}
