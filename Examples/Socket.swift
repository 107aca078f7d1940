// SPDX-License-Identifier: Apache-2.0
// Stands for an external resource that must be given back by hand: a server that counts its sockets. Not a real one; the
// connections of DatabasePool are.

import Synchronization

final class SocketServer: Sendable {
    private let opened = Atomic(0)
    private let closed = Atomic(0)

    /// Sockets that are open now: what a leak would raise.
    var open: Int { opened.load(ordering: .acquiring) - closed.load(ordering: .acquiring) }

    /// As a C library does it: a number, to be given to `disconnect` by whoever thinks of it.
    func connectByHand() -> Int { opened.add(1, ordering: .acquiringAndReleasing).newValue }

    func disconnect(_ number: Int) { closed.add(1, ordering: .acquiringAndReleasing) }
}

/// One socket, closed with this value.
struct Socket: ~Copyable {
    private let server: SocketServer
    private let number: Int

    init(to server: SocketServer) { (self.server, number) = (server, server.connectByHand()) }

    deinit { server.disconnect(number) }
}
