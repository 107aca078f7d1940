// SPDX-License-Identifier: Apache-2.0
// Best practices 3 and 4: sessions by key, started on demand under a dynamic supervisor, and started again when they fail.
//
// See it run: swift test --filter SessionManagerExample

import Martlet

/// Who has which session: its keys are names of servers.
let sessions = Registry<String, Void>("sessions")

/// One user's session; ends when nobody touches it for half an hour.
struct Session: GenServer {
    enum Call { case touch(From<Int>) }
    enum Cast { case fail }
    struct Broken: Error {}

    private var touched = 0

    init(_ id: String) throws { if id.isEmpty { throw Ignore() } }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .touch(let from):
            touched += 1
            return from.reply(touched, then: .wait(idle: .seconds(1_800)))
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next { throw Broken() }

    mutating func handleInfo(_ info: Info<Never>) -> Next {
        if case .timeout = info { return .stop() }
        return .wait
    }
}

/// Opens sessions.
///
/// A server of its own only where opening needs state or order; without, call the supervisor.
struct SessionManager: AsyncGenServer {
    enum Call { case open(String, From<Result<Session.Ref, StartError>>) }
    static let name: Name = "session-manager"
    static let supervisor: DynamicSupervisor.Name = "session-supervisor"

    init(_: Void) async {}

    mutating func handleCall(_ call: Call) async -> Next {
        switch call {
        case .open(let id, let from):
            do throws(StartError) {
                return from.reply(
                    .success(
                        try await Self.supervisor.start(Session.self, id, name: .via(sessions, id), restart: .transient)
                    ))
            } catch { return from.reply(.failure(error)) }
        }
    }
}

extension SessionManager {
    /// The registry first: sessions register in it.
    static let tree: @Sendable () -> [ChildSpec] = {
        [
            sessions.child,
            DynamicSupervisor.child(.init(maxRestarts: 100), name: supervisor),
            SessionManager.child(name: name),
        ]
    }
}

func sessionTour(sessions count: Int = 1_000, output: @escaping Output = terminal) async throws {
    let tree = try await Supervisor.start(.restForOne, SessionManager.tree)
    let session = try await SessionManager.name.call { .open("session-123", $0) }.get()
    let name: Session.Name = .via(sessions, "session-123")
    output("Touched: \(try await session.call { .touch($0) }), \(try await name.call { .touch($0) })")  // 1, 2

    do { _ = try await SessionManager.name.call { .open("session-123", $0) }.get() } catch StartError.alreadyStarted(
        let pid)
    {
        output("Opened twice: \(pid == session.pid ? "the same session" : "another one")")
    }
    session.cast(.fail)
    _ = try await session.pid.waitForExit()
    while name.ref == nil { await Task.yield() }
    output("After a failure: \(try await name.call { .touch($0) })")  // 1: a new state under the same name

    for index in 0..<count { _ = try await SessionManager.name.call { .open("\(index)", $0) }.get() }
    output("\(try await SessionManager.supervisor.count()) sessions, \(sessions.count) keys")
    try await tree.stop(.shutdown)
    output("Stopped: \(sessions.count) keys")
}
