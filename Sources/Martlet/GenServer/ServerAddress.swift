// SPDX-License-Identifier: Apache-2.0
// What a reference and a name have in common, so that a client function is written once for both.

/// A server to talk to: a `ServerRef` or a `ServerName`.
///
/// Write client functions on it: `extension ServerAddress<Counter.Ref> { func increment() … }`. Do not conform your own
/// types; see ``NameResolver``. Every function may be called from any thread.
///
/// OTP: `gen_server:server_ref()`.
public protocol ServerAddress<Ref>: Sendable {
    /// The server's calls.
    associatedtype Call: Sendable
    /// The server's casts.
    associatedtype Cast: Sendable
    /// The server's messages.
    associatedtype Message: Sendable
    /// The reference this leads to.
    associatedtype Ref: ServerAddress where Ref.Call == Call, Ref.Cast == Cast, Ref.Message == Message

    /// The reference now; nil if the name is not registered (`whereis`).
    var ref: Ref? { get }

    /// Runtime only: the pid now, 0 for none.
    ///
    /// Synchronous on purpose, as every underscored requirement must be: an async witness is not inlined.
    var _pid: UInt64 { get }

    /// Runtime only: runs a call on this thread if the server is idle and `.caller`.
    func _callInPlace<Reply: Sendable>(_ timeout: UInt64, _ request: (From<Reply>) -> Call) -> _InPlaceResult<Reply>
}

/// How an attempt to run a call in place ended; used by the runtime only.
public enum _InPlaceResult<Reply> {
    /// It was not run: take the ordinary way.
    case no
    /// The reply is there.
    case reply(Reply)
    /// The handler has run; the reply is still to come, or how the server ended: wait for that reply slot.
    case waiting(UInt64)
}

extension ServerAddress {
    /// Runtime only: through the reference.
    @inlinable @inline(__always)
    public func _callInPlace<Reply: Sendable>(
        _ timeout: UInt64, _ request: (From<Reply>) -> Call
    ) -> _InPlaceResult<Reply> {
        ref?._callInPlace(timeout, request) ?? .no
    }
}
