// SPDX-License-Identifier: Apache-2.0
// Pattern 4: resources with an owner. The state owns its connections through a noncopyable value, whose `deinit` closes them
// however the process ends, and when `init` fails half-way; `terminate` is for last words only, as a kill and the exit
// signal of a stranger do not run it.
//
// See it run: swift test --filter DatabasePoolExample

import Martlet
import Synchronization

struct DatabasePool: GenServer, ~Copyable {
    enum Call { case checkout(Ticket, From<Connection>), counts(From<Counts>) }
    enum Cast { case checkin(Ticket), check }
    static let name: Name = "pool"

    struct Settings {
        var database: Database
        var size = 10
        var output: Output = terminal
    }

    /// Names one loan.
    ///
    /// The client makes it up, so that it can give back what it does not know whether it got.
    struct Ticket: Hashable {
        private static let last = Atomic(0)
        private let number = last.add(1, ordering: .relaxed).newValue
    }

    struct Counts: Equatable {
        var idle: Int
        var lent: Int
        var waiting: Int
    }

    private let output: Output
    private let connections: Connections
    private var idle: [Connection]
    private var lent: [Ticket: Connection] = [:]
    /// Oldest first.
    private var waiting: [(ticket: Ticket, from: From<Connection>)] = []
    /// Watches on the processes that hold a connection or wait for one.
    ///
    /// Who is no process has its `defer` only.
    private var watches: [Ticket: MonitorRef] = [:]
    private var tickets: [MonitorRef: Ticket] = [:]

    /// When connection k is refused, the start fails, and connections 1 to k-1 are closed with the value that owned them.
    init(_ settings: Settings) throws {
        var connections = Connections()
        for _ in 0..<settings.size { try connections.open(to: settings.database) }
        output = settings.output
        idle = connections.all
        self.connections = connections
    }

    /// Runs whatever ends the process; then its connections end.
    ///
    /// Lent ones too: who still holds one is told by its next query.
    deinit { output("Closing \(connections.all.count) connections") }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .checkout(let ticket, let from):
            watch(from.caller, ticket)
            if let connection = idle.popLast() {
                lent[ticket] = connection
                return from.reply(connection)
            }
            waiting.append((ticket, from))
            return .wait  // answered when a connection comes back
        case .counts(let from):
            return from.reply(Counts(idle: idle.count, lent: lent.count, waiting: waiting.count))
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .checkin(let ticket):
            end(ticket)
        case .check:
            // A pool without a database is of no use: it ends, and whoever started it may start another.
            for connection in idle { try connection.query("SELECT word FROM greetings") }
        }
        return .wait
    }

    mutating func handleInfo(_ info: Info<Never>) -> Next {
        if case .down(let watch, _, _) = info, let ticket = tickets[watch] { end(ticket) }
        return .wait
    }

    mutating func terminate(_ reason: ExitReason) { output("Shutting down pool: \(reason)") }

    private mutating func watch(_ client: Pid?, _ ticket: Ticket) {
        guard let watch = client?.monitor() else { return }
        watches[ticket] = watch
        tickets[watch] = ticket
    }

    /// The client has given back its connection, has given up waiting, or has died: at most once each.
    private mutating func end(_ ticket: Ticket) {
        if let watch = watches.removeValue(forKey: ticket) {
            watch.cancel()
            tickets[watch] = nil
        }
        waiting.removeAll { $0.ticket == ticket }
        guard let connection = lent.removeValue(forKey: ticket) else { return }
        while !waiting.isEmpty {
            let next = waiting.removeFirst()
            if next.from.remaining == .zero { continue }  // gave up, and its checkin is on the way
            lent[next.ticket] = connection
            next.from.reply(connection)
            return
        }
        idle.append(connection)
    }
}

extension ServerAddress<DatabasePool.Ref> {
    /// Lends a connection to `body`.
    ///
    /// Waits in line while all are lent, at most `timeout`. The connection comes back when `body` returns or throws, and
    /// when the process that runs it dies.
    nonisolated(nonsending) func withConnection<R>(
        timeout: Duration = .seconds(5), _ body: (Connection) async throws -> R
    ) async throws -> R {
        let ticket = DatabasePool.Ticket()
        // Also after a timeout: the connection may have been lent at that very moment. The pool sees the call first.
        defer { cast(.checkin(ticket)) }
        return try await body(try await call(timeout: timeout) { .checkout(ticket, $0) })
    }

    nonisolated(nonsending) func counts() async throws(CallError) -> DatabasePool.Counts {
        try await call { .counts($0) }
    }

    /// Ends the pool if its database does not answer.
    func check() { cast(.check) }
}
