// SPDX-License-Identifier: Apache-2.0
// A server of either kind with the same requests, so that a race is written once: one whose callbacks return, and one
// whose callbacks suspend wherever they can.

import Martlet
import Testing

/// The kinds of server.
enum Kind: CaseIterable, CustomTestStringConvertible {
    case plain, suspending
    var testDescription: String { self == .plain ? "GenServer" : "AsyncGenServer" }
}

/// What a subject is asked and told.
enum Errand {
    /// Answered by the handler, or after so many milliseconds by another message.
    case ask(From<Int>, after: Int?)
}
enum Order { case note, fail }

/// How many states there were, how many ended, and how often `terminate` ran.
final class Lives: Sendable {
    private let counts = _Locked((begun: 0, ended: 0, terminated: 0))
    func begin() { counts.withLock { $0.begun += 1 } }
    func end() { counts.withLock { $0.ended += 1 } }
    func terminate() { counts.withLock { $0.terminated += 1 } }
    var begun: Int { counts.withLock { $0.begun } }
    var alive: Int { counts.withLock { $0.begun - $0.ended } }
    var terminated: Int { counts.withLock { $0.terminated } }
}

/// How a subject starts: with `desk`, its `init` waits for a millisecond.
struct Setup: Sendable {
    let lives: Lives
    var desk: Desk.Ref?
}

/// A started server.
struct Subject: Sendable {
    let pid: Pid
    let ask: @Sendable (_ after: Int?, _ timeout: Duration?) async throws(CallError) -> Int
    let request: @Sendable (_ after: Int?, _ timeout: Duration?) -> PendingReply<Int>
    let tell: @Sendable (Order) -> Void
    let castWaiting: @Sendable (Order) async throws(CallError) -> Void
    let stop: @Sendable (ExitReason) async throws(CallError) -> Void

    private init<S: Server>(_ ref: ServerRef<S>) where S.Call == Errand, S.Cast == Order {
        pid = ref.pid
        ask = { after, timeout async throws(CallError) -> Int in
            try await ref.call(timeout: timeout) { .ask($0, after: after) }
        }
        request = { after, timeout in ref.request(timeout: timeout) { .ask($0, after: after) } }
        tell = { order in _ = ref.cast(order) }
        castWaiting = { order async throws(CallError) -> Void in try await ref.castWaiting(order, timeout: nil) }
        stop = { reason async throws(CallError) -> Void in try await ref.stop(reason) }
    }

    static func start(
        _ kind: Kind, _ setup: Setup = Setup(lives: Lives()), name: String? = nil,
        options: StartOptions = StartOptions(), linked: Bool = false
    ) async throws -> Subject {
        switch kind {
        case .plain: try await start(Plain.self, setup, name, options, linked)
        case .suspending: try await start(Suspending.self, setup, name, options, linked)
        }
    }

    private static func start<S: Server>(
        _: S.Type, _ setup: Setup, _ name: String?, _ options: StartOptions, _ linked: Bool
    ) async throws -> Subject where S.Call == Errand, S.Cast == Order, S.Argument == Setup {
        let name = name.map { ServerName<S>($0) }
        if linked { return Subject(try await S.startLink(setup, name: name, options: options)) }
        return Subject(try await S.start(setup, name: name, options: options))
    }

    /// Who has the name now.
    static func holder(of name: String, _ kind: Kind) -> Pid? {
        kind == .plain ? ServerName<Plain>(name).ref?.pid : ServerName<Suspending>(name).ref?.pid
    }
}

/// Answers `held`'s oldest.
private func answer(_ held: inout [From<Int>]) -> Next {
    if !held.isEmpty { held.removeFirst().reply(-1) }
    return .wait
}

private final class Life: Sendable {
    let lives: Lives
    init(_ lives: Lives) {
        self.lives = lives
        lives.begin()
    }
    deinit { lives.end() }
}

private let slowly: @Sendable (inout Desk, From<Int>) -> Next = { state, from in
    state.held.append(from)
    Desk.current.sendAfter(.milliseconds(1), -1)
    return .wait
}

private struct Plain: GenServer {
    typealias Message = Int
    let life: Life
    var held: [From<Int>] = []

    init(_ setup: Setup) throws {
        life = Life(setup.lives)
        _ = try setup.desk?.askBlocking(slowly)
    }

    mutating func handleCall(_ call: Errand) -> Next {
        guard case .ask(let from, let after?) = call else {
            if case .ask(let from, _) = call { return from.reply(1) }
            return .wait
        }
        held.append(from)
        Self.current.sendAfter(.milliseconds(after), 0)
        return .wait
    }
    mutating func handleCast(_ order: Order) throws -> Next {
        if case .fail = order { throw Failure() }
        return .wait
    }
    mutating func handleInfo(_ info: Info<Int>) -> Next { answer(&held) }
    mutating func terminate(_ reason: ExitReason) { life.lives.terminate() }
}

private struct Suspending: AsyncGenServer {
    typealias Message = Int
    let life: Life
    var held: [From<Int>] = []

    nonisolated(nonsending) init(_ setup: Setup) async throws {
        life = Life(setup.lives)
        _ = try await setup.desk?.ask(slowly)
    }

    nonisolated(nonsending) mutating func handleCall(_ call: Errand) async -> Next {
        await Task.yield()
        guard case .ask(let from, let after?) = call else {
            if case .ask(let from, _) = call { return from.reply(1) }
            return .wait
        }
        held.append(from)
        Self.current.sendAfter(.milliseconds(after), 0)
        return .wait
    }
    nonisolated(nonsending) mutating func handleCast(_ order: Order) async throws -> Next {
        await Task.yield()
        if case .fail = order { throw Failure() }
        return .wait
    }
    nonisolated(nonsending) mutating func handleInfo(_ info: Info<Int>) async -> Next { answer(&held) }
    nonisolated(nonsending) mutating func terminate(_ reason: ExitReason) async {
        await Task.yield()
        life.lives.terminate()
    }
}
