// SPDX-License-Identifier: Apache-2.0
// The typed reference: a pid that knows its server's messages.

/// One incarnation of a server.
///
/// 8 bytes, no reference counting; after the server ended every use says so, a successor is never reached. Any thread may
/// use it.
///
/// OTP: a pid, which knows what its server can be asked.
///
/// When not to use: to keep over a restart. A supervised server is found by its ``ServerName``.
public struct ServerRef<S: Server & ~Copyable>: ServerAddress, Hashable, BitwiseCopyable {
    /// What can be asked.
    public typealias Call = S.Call
    /// What can be told.
    public typealias Cast = S.Cast
    /// What can be sent.
    public typealias Message = S.Message
    /// What this leads to.
    public typealias Ref = ServerRef<S>

    /// The process.
    public let pid: Pid

    @inlinable
    init(_pid: Pid) { pid = _pid }

    /// A reference from a pid.
    ///
    /// - Parameter pid: any pid.
    /// - Returns: nil if that process does not run an `S`, or has ended.
    public init?(_ pid: Pid) {
        guard let processClass = _ProcessClass.of(pid: pid.raw), processClass.runs(S.self) else { return nil }
        self.pid = pid
    }

    /// Itself.
    @inlinable public var ref: ServerRef<S>? { self }

    /// Runtime only.
    @inlinable public var _pid: UInt64 { pid.raw }

    /// Runtime only: see ServerAddress.
    @inlinable @inline(__always)
    public func _callInPlace<Reply: Sendable>(
        _ timeout: UInt64, _ request: (From<Reply>) -> Call
    ) -> _InPlaceResult<Reply> {
        S._runsInPlace ? _runInPlace(timeout, request) : .no
    }

    /// Only its `Message` side, for those who need not know the server.
    @inlinable public var process: ProcessRef<S.Message> { ProcessRef(pid: pid) }
}

extension ServerRef: CustomStringConvertible where S: ~Copyable {
    /// Type and pid, as `Counter<12.3>`.
    public var description: String { "\(_shortTypeName(S.self))\(pid)" }
}
