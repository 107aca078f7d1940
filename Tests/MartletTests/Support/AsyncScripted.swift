// SPDX-License-Identifier: Apache-2.0
// The scripted server with callbacks that may suspend, and a place where they do.

import Testing

@testable import Martlet

typealias AsyncDesk = AsyncScripted<Pooled>

struct AsyncScripted<Declared: Declarations>: AsyncGenServer {
    typealias Answer = nonisolated(nonsending) @Sendable (inout AsyncScripted, From<Int>) async throws -> Next
    typealias Act = nonisolated(nonsending) @Sendable (inout AsyncScripted) async throws -> Next

    /// What the callbacks besides calls and casts do.
    struct Script: Sendable {
        var begin: nonisolated(nonsending) @Sendable (inout AsyncScripted) async throws -> Void = { _ in }
        var afterInit: Next = .wait
        var info: nonisolated(nonsending) @Sendable (inout AsyncScripted, Info<Int>) async throws -> Next = {
            state, info in
            switch info {
            case .message(let number): state.seen.append(number)
            case .timeout: state.seen.append(-1)
            default: break
            }
            return .wait
        }
        var proceed: Act = { _ in .wait }
        var hibernate: @Sendable () -> Void = {}
        var terminate: nonisolated(nonsending) @Sendable (inout AsyncScripted, ExitReason) async throws -> Void = {
            _, _ in
        }
    }

    enum Call {
        /// A request for a number.
        case ask(From<Int>, Answer)
        /// The numbers noted so far.
        case seen(From<[Int]>)
    }
    enum Cast {
        case tell(Act)
        case note(Int)
    }
    typealias Message = Int

    static var execution: Execution { Declared.execution }
    static var mailbox: MailboxPolicy { Declared.mailbox }
    static var trapsExits: Bool { Declared.trapsExits }
    static var hibernatesAfter: Duration? { Declared.hibernatesAfter }

    /// What came, in order.
    var seen: [Int] = []
    /// Requests that are answered later.
    var deferred: [From<Int>] = []
    private let script: Script

    nonisolated(nonsending) init(_ script: Script) async throws {
        self.script = script
        try await script.begin(&self)
    }

    var afterInit: Next { script.afterInit }

    nonisolated(nonsending) mutating func handleCall(_ call: Call) async throws -> Next {
        switch call {
        case .ask(let from, let body): try await body(&self, from)
        case .seen(let from): from.reply(seen)
        }
    }

    nonisolated(nonsending) mutating func handleCast(_ cast: Cast) async throws -> Next {
        switch cast {
        case .tell(let body): return try await body(&self)
        case .note(let number):
            seen.append(number)
            return .wait
        }
    }

    nonisolated(nonsending) mutating func handleInfo(_ info: Info<Int>) async throws -> Next {
        try await script.info(&self, info)
    }
    nonisolated(nonsending) mutating func handleContinue() async throws -> Next { try await script.proceed(&self) }
    mutating func hibernate() { script.hibernate() }
    nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async throws {
        try await script.terminate(&self, reason)
    }

    /// Keeps a request for later.
    mutating func postpone(_ from: From<Int>) -> Next {
        deferred.append(from)
        return .wait
    }
}

extension AsyncScripted {
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
        timeout: Duration? = .seconds(5), _ body: @escaping AsyncScripted<D>.Answer
    ) async throws(CallError) -> Int where Call == AsyncScripted<D>.Call {
        try await call(timeout: timeout) { .ask($0, body) }
    }

    /// Lets a scripted server do something.
    @discardableResult
    func tell<D>(_ body: @escaping AsyncScripted<D>.Act) -> SendOutcome where Cast == AsyncScripted<D>.Cast {
        cast(.tell(body))
    }

    /// Keeps a scripted server in a suspended handler until the gate opens; returns when it is there.
    func hold<D>(at gate: AsyncGate) async where Cast == AsyncScripted<D>.Cast {
        tell { _ in
            try await gate.pass()
            return .wait
        }
        await gate.arrived()
    }
}

/// A place where callbacks suspend until the test lets them go on, or their task is cancelled.
final class AsyncGate: Sendable {
    private struct Inside {
        var arrived = 0
        var open = 0
        var lastID = 0
        var waiting: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    }
    private let inside = _Locked(Inside())

    /// In a callback: tells the test and waits; throws when the task is cancelled.
    nonisolated(nonsending) func pass() async throws {
        let id = inside.withLock { inside in
            inside.lastID += 1
            return inside.lastID
        }
        let mayPass = await withTaskCancellationHandler {
            await wait(id)
        } onCancel: {
            let waiting = inside.withLock { inside in
                inside.waiting.firstIndex { $0.id == id }.map { inside.waiting.remove(at: $0).continuation }
            }
            waiting?.resume(returning: false)
        }
        if !mayPass { throw CancellationError() }
    }

    /// In a callback: the same, deaf to cancellation.
    nonisolated(nonsending) func passDeaf() async { _ = await wait(0) }

    private nonisolated(nonsending) func wait(_ id: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let result: Bool? = inside.withLock { inside in
                inside.arrived += 1
                if inside.open > 0 {
                    inside.open -= 1
                    return true
                }
                if id != 0, Task.isCancelled { return false }
                inside.waiting.append((id, continuation))
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }

    /// In the test: how many have come so far.
    var arrivals: Int { inside.withLock { $0.arrived } }

    /// In the test: waits until so many have come in all.
    func arrived(_ count: Int = 1) async { await eventually { arrivals >= count } }

    /// In the test: lets that many pass, also such as come later.
    func open(_ count: Int = 1) {
        let released = inside.withLock { inside in
            let now = inside.waiting.prefix(count).map(\.continuation)
            inside.waiting.removeFirst(now.count)
            inside.open += count - now.count
            return now
        }
        for continuation in released { continuation.resume(returning: true) }
    }
}
