// SPDX-License-Identifier: Apache-2.0
// A registry in all runtimes: its settings, and a table for each runtime that has started it. It is the name of the
// server that keeps such a table.

@usableFromInline
final class RegistryPlaces<Key: Hashable & Sendable, Value: Sendable>: NameResolver {
    typealias Table = RegistryTable<Key, Value>

    @usableFromInline let description: String
    let isUnique: Bool
    private let partitions: Int?
    let tables = _RuntimeLocal<RegistryTable<Key, Value>>()
    @usableFromInline let reader: _RuntimeLocalReader<RegistryTable<Key, Value>>

    init(_ name: String, isUnique: Bool, partitions: Int?, _ file: StaticString, _ line: UInt) {
        if let partitions {
            precondition(
                (1...4_096).contains(partitions), "expected 1 to 4096 partitions, got \(partitions)", file: file,
                line: line)
        }
        description = name
        reader = _RuntimeLocalReader(tables)
        self.isUnique = isUnique
        self.partitions = partitions
    }

    /// Calls `body` with the table of the current runtime, in a read section; nil: there is none.
    @inlinable @inline(__always)
    func read<R>(_ body: (RegistryTable<Key, Value>) -> R) -> R? { withExtendedLifetime(self) { reader.read(body) } }

    /// The table of the current runtime; throws where there is none.
    func table() throws(RegistryError) -> Table {
        guard let table = tables.current else { throw .notStarted }
        return table
    }

    /// Gives a new server the table that a crashed one has left, or a new one.
    @usableFromInline
    func register(_ pid: Pid) -> Pid? {
        let partitions = partitions ?? Runtime.current.workers
        return tables.change { table in
            let table = table ?? Table(isUnique: isUnique, partitions: partitions)
            return (table, table.take(over: pid))
        }
    }

    /// The table stays for a successor; `close` ends it.
    @usableFromInline
    func unregister(_ pid: Pid) {}

    @usableFromInline
    func resolve() -> Pid? {
        guard let pid = tables.current?.serverPid, pid.isAlive else { return nil }
        return pid
    }

    /// The registry was stopped: no entry is left.
    func close(_ table: Table) {
        tables.change { current in (current === table ? nil : current, ()) }
        tables.limbo.settle()
        table.listeners.tell(nil)
    }

    /// The registry as a child of a supervisor.
    var child: ChildSpec {
        RegistryServer<Key, Value>.child(self, id: ChildID(description), name: ServerName(self), options: options)
    }

    /// Starts it unsupervised.
    nonisolated(nonsending) func start() async throws(StartError) {
        _ = try await RegistryServer<Key, Value>.start(self, name: ServerName(self), options: options)
    }

    private var options: StartOptions { StartOptions(label: description) }
}
