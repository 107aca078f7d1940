// SPDX-License-Identifier: Apache-2.0
// A child for tests: it notes what happens to it, and fails as it is told.

import MartletTestKit

@testable import Martlet

/// What happened to children, in order.
final class Journal: Sendable {
    private let entries = _Locked<[String]>([])

    func note(_ what: String) { entries.withLock { $0.append(what) } }
    var all: [String] { entries.withLock { $0 } }
    func take() -> [String] {
        entries.withLock { entries in
            defer { entries = [] }
            return entries
        }
    }
}

struct Failure: Error {}

struct Worker: GenServer, ~Copyable {
    struct Setup: Sendable {
        let id: String
        let journal: Journal
        /// Asked at each start: a throw fails it.
        var start: @Sendable () throws -> Void = {}
        /// How long `terminate` takes.
        var lastWords = Duration.zero
    }

    enum Call { case pid(From<Pid>) }
    enum Cast { case fail, finish }

    private let setup: Setup

    init(_ setup: Setup) throws {
        try setup.start()
        self.setup = setup
        setup.journal.note("+\(setup.id)")
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .pid(let from): from.reply(Self.current.pid)
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .fail: throw Failure()
        case .finish: .stop()
        }
    }

    mutating func terminate(_ reason: ExitReason) {
        if case .error = reason { return }
        setup.journal.note("-\(setup.id)")
    }
}

extension Worker {
    static func child(
        _ id: String, _ journal: Journal, restart: ChildSpec.Restart = .permanent,
        start: @escaping @Sendable () throws -> Void = {}
    ) -> ChildSpec {
        child(Setup(id: id, journal: journal, start: start), id: ChildID(id), name: ServerName(id), restart: restart)
    }

    static func named(_ id: String) -> Name { ServerName(id) }
}

extension ChildSpec {
    /// A child that is not moved by what it is told, and is given all the time for it.
    static func stubborn(_ journal: Journal) -> ChildSpec {
        ChildSpec(id: "stubborn", shutdown: .infinity) {
            let process = spawnLink(Int.self) { mailbox in
                Pid.setLabel("the stubborn one")
                mailbox.trapsExits = true
                journal.note("+stubborn")
                while true {
                    _ = try await mailbox.receiveInfo()
                    journal.note("told")
                }
            }
            // Told before that, it would end.
            try await eventually { _Tie.traps(process.pid.raw) }
            return process.pid
        }
    }
}
