// SPDX-License-Identifier: Apache-2.0
// A name that leads to whichever incarnation is registered now.

/// The name of a server in the current runtime: `static let name: Name = "counter"`.
///
/// All that a reference can do, a name can. 9 bytes. A name that the program makes of text is interned for ever: make
/// names that the program chooses, never names that a stranger can choose.
///
/// OTP: a registered name, or `{via, Module, Term}`.
///
/// When not to use: for servers by a key that comes from outside, as a session or a user: ``Registry``, with
/// ``via(_:_:file:line:)``.
public struct ServerName<S: Server & ~Copyable>: ServerAddress {
    /// What can be asked.
    public typealias Call = S.Call
    /// What can be told.
    public typealias Cast = S.Cast
    /// What can be sent.
    public typealias Message = S.Message
    /// What this leads to.
    public typealias Ref = ServerRef<S>

    @usableFromInline
    enum Storage: Sendable {
        /// The interned entry.
        case local(UInt64)
        indirect case via(any NameResolver)
    }

    @usableFromInline let storage: Storage

    /// A name registered in the runtime of the server.
    ///
    /// Interned: comparing and looking it up costs no string. Traps on an empty name, on one of more than 4,096 bytes, and
    /// when the 4,194,304 names of a program are used up.
    ///
    /// - Parameters:
    ///   - name: the name.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public init(_ name: String, file: StaticString = #fileID, line: UInt = #line) {
        precondition(!name.isEmpty, "expected a name, got an empty one", file: file, line: line)
        let entry = _Names.intern(name)
        precondition(
            entry != 0, "expected a name of at most 4096 bytes, of at most 4194304 names, got \(name.utf8.count) bytes",
            file: file, line: line)
        storage = .local(entry)
    }

    /// A name that someone else resolves (`{via, Module, Term}`).
    ///
    /// - Parameter resolver: says who has the name.
    public init(_ resolver: any NameResolver) { storage = .via(resolver) }

    /// The server registered now; nil if there is none.
    @inlinable public var ref: ServerRef<S>? {
        let pid = _pid
        return pid == 0 ? nil : ServerRef(_pid: Pid(raw: pid))
    }

    /// Runtime only.
    @inlinable public var _pid: UInt64 {
        if case .local(let entry) = storage { return _Names.lookup(entry) }
        return _viaPid
    }

    @usableFromInline var _viaPid: UInt64 {
        guard case .via(let resolver) = storage else { return 0 }
        return resolver.resolve()?.raw ?? 0
    }
}

extension ServerName: ExpressibleByStringLiteral where S: ~Copyable {
    /// A literal name.
    ///
    /// - Parameter name: the name.
    public init(stringLiteral name: StaticString) { self.init(name.description) }
}

extension ServerName: CustomStringConvertible where S: ~Copyable {
    /// The name.
    public var description: String {
        switch storage {
        case .local(let entry): _Names.text(entry)
        case .via(let resolver): resolver.description
        }
    }
}

/// One name in another table: registry keys, partitions, your own directory.
///
/// Its functions are called from any thread, for each use of the name; they must not block.
///
/// OTP: the module of `{via, Module, Term}`.
///
/// When not to use: for keys of processes of one program, which ``Registry`` has.
public protocol NameResolver: Sendable, CustomStringConvertible {
    /// Registers `pid`, or returns who has the name.
    ///
    /// Runs in the new process, before its `init`.
    ///
    /// - Parameter pid: the new process.
    /// - Returns: nil when it has the name now; else who has it, and the start throws `alreadyStarted`.
    /// - Throws: what fails the start, as `StartError.failed`.
    func register(_ pid: Pid) throws -> Pid?
    /// Frees the name if it is `pid`'s.
    ///
    /// - Parameter pid: a process that ends, or whose start failed.
    func unregister(_ pid: Pid)
    /// Who has the name; never a process that has ended (R20).
    func resolve() -> Pid?
}
