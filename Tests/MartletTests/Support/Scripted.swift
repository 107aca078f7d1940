// SPDX-License-Identifier: Apache-2.0
// A server that does what each test writes into its messages, so that a test reads in one place.

import Testing

@testable import Martlet

/// What a type of scripted server declares.
protocol Declarations: SendableMetatype {
    static var execution: Execution { get }
    static var mailbox: MailboxPolicy { get }
    static var hibernatesAfter: Duration? { get }
    static var trapsExits: Bool { get }
}

extension Declarations {
    static var execution: Execution { .pool }
    static var mailbox: MailboxPolicy { .unbounded }
    static var hibernatesAfter: Duration? { nil }
    static var trapsExits: Bool { false }
}

enum Pooled: Declarations {}
enum InPlace: Declarations {
    static var execution: Execution { .caller }
}
enum Drowsy: Declarations {
    static var hibernatesAfter: Duration? { .seconds(10) }
}

typealias Desk = Scripted<Pooled>
typealias InPlaceDesk = Scripted<InPlace>

struct Scripted<Declared: Declarations>: GenServer {
    /// What the callbacks besides calls and casts do.
    struct Script: Sendable {
        var begin: @Sendable (inout Scripted) throws -> Void = { _ in }
        var afterInit: Next = .wait
        var info: @Sendable (inout Scripted, Info<Int>) throws -> Next = { state, info in
            if case .message(let number) = info { state.seen.append(number) }
            return .wait
        }
        var proceed: @Sendable (inout Scripted) throws -> Next = { _ in .wait }
        var hibernate: @Sendable () -> Void = {}
        var terminate: @Sendable (inout Scripted, ExitReason) throws -> Void = { _, _ in }
    }

    enum Call {
        /// A request for a number.
        case ask(From<Int>, @Sendable (inout Scripted, From<Int>) throws -> Next)
        /// The numbers noted so far.
        case seen(From<[Int]>)
    }
    enum Cast {
        case tell(@Sendable (inout Scripted) throws -> Next)
        case note(Int)
    }
    typealias Message = Int

    static var execution: Execution { Declared.execution }
    static var mailbox: MailboxPolicy { Declared.mailbox }
    static var hibernatesAfter: Duration? { Declared.hibernatesAfter }
    static var trapsExits: Bool { Declared.trapsExits }

    /// What came, in order.
    var seen: [Int] = []
    /// Requests that are answered later.
    var deferred: [From<Int>] = []
    private let script: Script

    init(_ script: Script) throws {
        self.script = script
        try script.begin(&self)
    }

    var afterInit: Next { script.afterInit }

    mutating func handleCall(_ call: Call) throws -> Next {
        switch call {
        case .ask(let from, let body): try body(&self, from)
        case .seen(let from): from.reply(seen)
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .tell(let body): return try body(&self)
        case .note(let number):
            seen.append(number)
            return .wait
        }
    }

    mutating func handleInfo(_ info: Info<Int>) throws -> Next { try script.info(&self, info) }
    mutating func handleContinue() throws -> Next { try script.proceed(&self) }
    mutating func hibernate() { script.hibernate() }
    mutating func terminate(_ reason: ExitReason) throws { try script.terminate(&self, reason) }
}

extension Scripted {
    /// Starts one, changing the script where a test needs it.
    static func begin(
        name: Name? = nil, options: StartOptions = StartOptions(), _ change: (inout Script) -> Void = { _ in }
    ) async throws(StartError) -> Ref {
        var script = Script()
        change(&script)
        return try await start(script, name: name, options: options)
    }
}

extension ServerAddress {
    /// Asks a scripted server for a number.
    func ask<D>(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (inout Scripted<D>, From<Int>) throws -> Next
    ) async throws(CallError) -> Int where Call == Scripted<D>.Call {
        try await call(timeout: timeout) { .ask($0, body) }
    }

    /// The same, blocking the thread.
    func askBlocking<D>(
        timeout: Duration? = .seconds(5), _ body: @escaping @Sendable (inout Scripted<D>, From<Int>) throws -> Next
    ) throws(CallError) -> Int where Call == Scripted<D>.Call {
        try call(timeout: timeout) { .ask($0, body) }
    }

    /// Lets a scripted server do something.
    @discardableResult
    func tell<D>(_ body: @escaping @Sendable (inout Scripted<D>) throws -> Next) -> SendOutcome
    where Cast == Scripted<D>.Cast { cast(.tell(body)) }

    /// Keeps a scripted server in a handler until the gate opens; returns when it is there.
    func hold<D>(at gate: Gate, sourceLocation: SourceLocation = #_sourceLocation) async
    where Cast == Scripted<D>.Cast {
        tell { _ in
            gate.pass()
            return .wait
        }
        await gate.arrived(sourceLocation: sourceLocation)
    }
}

/// The reason of a call that must fail, as text; "none" if it did not.
func reason<Value>(of body: () async throws -> Value) async -> String {
    do { _ = try await body() } catch let error as CallError { return "\(error.reason)" } catch { return "\(error)" }
    return "none"
}
