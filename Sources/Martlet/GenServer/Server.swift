// SPDX-License-Identifier: Apache-2.0
// What every behaviour has in common: message types, declarations, a way to run. Users conform to GenServer; ServerRef
// and ServerName need only this. SendableMetatype keeps conformances off every global actor, also in modules whose
// default isolation is the main actor.

/// The base of every behaviour.
///
/// OTP: what `gen_server`, `gen_statem` and their kin share, the module `gen`.
///
/// When not to use: to write a server. Conform to ``GenServer``, ``AsyncGenServer``, ``StateMachine`` or ``Stage``; to this
/// one only to write a behaviour of your own.
public protocol Server: SendableMetatype, ~Copyable {
    /// What `init` takes; kept for restarts. Default `Void`.
    associatedtype Argument: Sendable
    /// Requests that are answered: an enum whose cases carry a `From`. Default `Never`.
    associatedtype Call: Sendable
    /// Requests that are not answered. Default `Never`.
    associatedtype Cast: Sendable
    /// Plain messages and timer messages, handled as `Info.message`. Default `Never`.
    associatedtype Message: Sendable

    /// Where handlers run. A constant; default `.pool`.
    static var execution: Execution { get }
    /// The bound of the mailbox; `StartOptions.mailbox` overrides it. Default `.unbounded`.
    static var mailbox: MailboxPolicy { get }
    /// Whether exit signals of links arrive as `Info.exit` instead of ending the process. Default false. Not needed for
    /// `terminate` (R11).
    static var trapsExits: Bool { get }
    /// Idle time after which the process hibernates by itself (`hibernate_after`). Default nil: never.
    static var hibernatesAfter: Duration? { get }

    /// Gives memory back before a long sleep, e.g. shrinks caches.
    ///
    /// Called when the process hibernates (R9). Default: nothing.
    mutating func hibernate()
    /// The state as reports may show it (`format_status`).
    ///
    /// Default: the type's name, never its contents.
    borrowing func formatStatus() -> String

    /// Runtime only: whether calls may run on their caller's thread; a constant.
    static var _runsInPlace: Bool { get }
    /// Runtime only: handles a call in place.
    ///
    /// GenServer inlines its handler here.
    static func _handleInPlace(_ state: _StateAddress, _ call: consuming Call) throws -> Next
    /// Behaviours only: shows a value of the type that somebody asks for through `sys`; false: there is none.
    ///
    /// An engine shows the user's value beside itself.
    mutating func _show(to visitor: _StateVisitor) -> Bool
    /// Behaviours only: runs the engine of this behaviour.
    static func _boot(_ boot: consuming ServerBoot<Self>)
}

extension Server where Self: ~Copyable {
    /// The reference to a server of this type.
    public typealias Ref = ServerRef<Self>
    /// The name of a server of this type.
    public typealias Name = ServerName<Self>

    /// The server whose callback is running (`self()`).
    ///
    /// Traps outside callbacks.
    public static var current: ServerRef<Self> {
        guard let pid = Pid.current else {
            preconditionFailure("expected to be called in a callback of \(_shortTypeName(Self.self)), got no process")
        }
        return ServerRef(_pid: pid)
    }

    /// `.pool`.
    @inlinable public static var execution: Execution { .pool }
    /// `.unbounded`.
    @inlinable public static var mailbox: MailboxPolicy { .unbounded }
    /// False.
    @inlinable public static var trapsExits: Bool { false }
    /// Nil.
    @inlinable public static var hibernatesAfter: Duration? { nil }
    /// False: only GenServer knows how.
    @inlinable public static var _runsInPlace: Bool { false }
    /// Never called.
    @inlinable
    public static func _handleInPlace(_ state: _StateAddress, _ call: consuming Call) throws -> Next { .wait }
    /// Shows itself.
    public mutating func _show(to visitor: _StateVisitor) -> Bool { visitor.visit(&self) }
    /// Does nothing.
    public mutating func hibernate() {}
    /// The type's name.
    public borrowing func formatStatus() -> String { _shortTypeName(Self.self) }
}

/// The name of a type, without its module.
@usableFromInline
func _shortTypeName<T: ~Copyable>(_: T.Type) -> String { _TypeName.short(String(reflecting: T.self)) }
