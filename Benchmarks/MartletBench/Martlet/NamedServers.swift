// SPDX-License-Identifier: Apache-2.0
// `lookup` on the pool: registered names of servers. To register is to start a server, to unregister is to stop it.

import Martlet

struct NamedServer: GenServer {
    init(_: Void) {}
}

struct NamedServers: Directory {
    func key(_ name: String) -> NamedServer.Name { NamedServer.Name(name) }

    func register(_ name: NamedServer.Name, _ value: Int) throws -> ServerRef<NamedServer> {
        try NamedServer.start(name: name)
    }

    func unregister(_ name: NamedServer.Name) throws { try name.stop() }

    @inline(__always)
    func lookup(_ name: NamedServer.Name) -> ServerRef<NamedServer>? { name.ref }
}
