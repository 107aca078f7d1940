// SPDX-License-Identifier: Apache-2.0
// Disaster 3: a process that holds a connection ends, and nobody closes it. Clean-up at the end of a loop never comes;
// in `terminate` it comes with some ends; in a `deinit` with all.
//
// See it run: swift test --filter GracelessShutdownExample

import Martlet

/// Before: a loop that closes its connection when it is told to stop.
enum ManualConnection {
    enum Message { case stop }

    static func startLink(_ server: SocketServer) -> Pid {
        let number = server.connectByHand()
        return spawnLink(Message.self) { mailbox in
            _ = try await mailbox.receive()  // an exit signal leaves by this line
            server.disconnect(number)
        }.pid
    }
}

/// In between: the guide's way.
///
/// A stop, a throw and the parent's exit signal run `terminate`; a kill and the exit signal of anybody else do not.
struct TerminatingConnection: GenServer {
    private let server: SocketServer
    private let number: Int

    init(_ server: SocketServer) {
        self.server = server
        number = server.connectByHand()
    }

    mutating func terminate(_ reason: ExitReason) { server.disconnect(number) }
}

/// After: the connection is part of the state, and ends with it.
struct OwningConnection: GenServer, ~Copyable {
    private let socket: Socket

    init(_ server: SocketServer) { socket = Socket(to: server) }
}

func gracelessShutdownTour(output: @escaping Output = terminal) async throws {
    typealias Start = (SocketServer) async throws -> Pid
    let ways: [(String, Start)] = [
        ("By hand", { ManualConnection.startLink($0) }),
        ("terminate", { try await TerminatingConnection.startLink($0).pid }),
        ("deinit", { try await OwningConnection.startLink($0).pid }),
    ]
    for (way, start) in ways {
        try await withProcess(receiving: Never.self) { mailbox in
            mailbox.trapsExits = true
            for ending in Ending.allCases {
                let server = SocketServer()
                let pid = try await start(server)
                try await ending.bring(pid)
                output("\(way), \(ending.rawValue): \(server.open) left open")
            }
        }
    }
    // The whole program stops: its tree ends each connection in good order, in time.
    let server = SocketServer()
    let tree = try await Supervisor.start {
        for number in 0..<100 { OwningConnection.child(server, id: "connection \(number)") }
    }
    output("Supervised, while the tree runs: \(server.open) open")
    let report = await tree.shutDown(deadline: .seconds(5))
    output("Supervised, the tree has stopped: \(server.open) left open, \(report.stuck.count) were stuck")
}

private enum Ending: String, CaseIterable {
    case parent = "its parent says shutdown"
    case stranger = "a stranger says shutdown"
    case killed

    /// Ends a child of the process that runs this; returns when it is gone.
    func bring(_ pid: Pid) async throws {
        switch self {
        case .parent: pid.exit(.shutdown)
        case .stranger: spawn(Never.self) { _ in pid.exit(.shutdown) }
        case .killed: pid.kill()
        }
        _ = try await pid.waitForExit()
    }
}
