// SPDX-License-Identifier: Apache-2.0
// The server behaviour whose callbacks may suspend. Not an actor: it is not reentrant, and it is a process, with a
// mailbox, a name, links and an exit reason.

/// A ``GenServer`` whose callbacks are `async`.
///
/// Not reentrant: while a callback is suspended the process handles nothing else, however long that takes, so the state is
/// as the callback left it. A suspended callback costs no thread. It may await what it likes: other servers, actors, the
/// main actor, streams. A call to itself, or to one that waits for it, fails at once with `callingSelf` or `cycle`.
///
/// For what each callback does and what may be thrown see ``GenServer``; the rules are the same. A kill, or an exit signal
/// that is not trapped, ends the process at once, also in the middle of a callback: everybody hears of it, then the
/// callback's task is cancelled, and the state is destroyed when the callback returns. Cancellation is all that reaches a
/// suspended callback: one that ignores it goes on unheard, its sends, starts and replies without effect while it runs on
/// the runtime.
///
/// ``Pid/current``, ``Server/current`` and ``Runtime/current`` are those of the process in its callbacks and in all that
/// they await, on any executor; not in tasks that they create, `async let` included. Task-local values end with the
/// callback that bound them.
///
/// OTP has no counterpart: there every process may block. It is what `gen_server` is to code that waits.
///
/// ```swift
/// struct Thumbnails: AsyncGenServer {
///     enum Call { case make(URL, From<Result<Image, any Error>>) }
///     init(_: Void) async {}
///     mutating func handleCall(_ call: Call) async throws -> Next {
///         switch call {
///         case .make(let url, let from): from.reply(await render(url))
///         }
///     }
/// }
/// ```
///
/// When not to use: when nothing in it suspends, as a ``GenServer`` costs less; when requests should overlap, as one server
/// is one line of work: reply later, from a task of its own. ``Server/execution`` is ignored.
public protocol AsyncGenServer<Argument>: Server, ~Copyable {
    associatedtype Argument = Void
    associatedtype Call = Never
    associatedtype Cast = Never
    associatedtype Message = Never

    /// Makes the state, in the new process; start returns when it has (R1).
    ///
    /// Throw `Ignore()` to not start, `Refusal` to fail without an exit signal, anything else to fail with it (R2);
    /// `terminate` does not run. When the starter's time is over, or its task is cancelled, so is this.
    ///
    /// - Parameter argument: what the start was given; a restart gives it again.
    /// - Throws: what fails the start.
    nonisolated(nonsending) init(_ argument: Argument) async throws
    /// What to do first, read once after `init`. Default `.wait`.
    var afterInit: Next { get }
    /// Handles a call: reply through its `From`, now or later.
    ///
    /// Required unless `Call` is `Never`. A request whose caller has given up before it was begun is skipped; one whose
    /// caller gives up meanwhile is not cancelled (R3).
    ///
    /// - Parameter call: the request, in the order of its sender (R5).
    /// - Returns: what to do next, as `From.reply` returns it.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next
    /// Handles a cast.
    ///
    /// Required unless `Cast` is `Never`.
    ///
    /// - Parameter cast: the request, in the order of its sender (R5).
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    nonisolated(nonsending) mutating func handleCast(_ cast: Cast) async throws -> Next
    /// Handles messages and signals.
    ///
    /// Required unless `Message` is `Never`; then it logs and waits (R17).
    ///
    /// - Parameter info: what came, in the order of its sender (R5).
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    nonisolated(nonsending) mutating func handleInfo(_ info: Info<Message>) async throws -> Next
    /// Runs after a callback that returned `.continue`, before any queued message (R8).
    ///
    /// Default: waits.
    ///
    /// - Returns: what to do next; `.continue` again is allowed.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    nonisolated(nonsending) mutating func handleContinue() async throws -> Next
    /// Last words: after a stop, a throw, `stop()` or a supervised shutdown, in bounded time; never after a kill or when
    /// `init` failed (R11).
    ///
    /// The state's `deinit` always runs. A throw becomes the reason of the exit. Default: nothing.
    ///
    /// - Parameter reason: why the process ends.
    /// - Throws: what becomes the reason of the exit.
    nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws
}

extension AsyncGenServer where Self: ~Copyable {
    /// `.wait`.
    @inlinable public var afterInit: Next { .wait }
    /// Waits.
    @inlinable public nonisolated(nonsending) mutating func handleContinue() async throws -> Next { .wait }
    /// Does nothing.
    @inlinable public nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws {}
    /// The engine of AsyncGenServer.
    @inlinable
    public static func _boot(_ boot: consuming ServerBoot<Self>) { boot.serve(Self.self) }
}

extension AsyncGenServer where Self: ~Copyable, Call == Never {
    /// Never called.
    @inlinable public nonisolated(nonsending) mutating func handleCall(_ call: Never) async throws -> Next {}
}

extension AsyncGenServer where Self: ~Copyable, Cast == Never {
    /// Never called.
    @inlinable public nonisolated(nonsending) mutating func handleCast(_ cast: Never) async throws -> Next {}
}

extension AsyncGenServer where Self: ~Copyable, Message == Never {
    /// Logs the kind of an unexpected signal and waits (R17).
    public nonisolated(nonsending) mutating func handleInfo(_ info: Info<Never>) async throws -> Next {
        _UnexpectedInfo.log(info, in: _shortTypeName(Self.self))
        return .wait
    }
}
