// SPDX-License-Identifier: Apache-2.0
// Where the copies of partitioned servers are: looked up without locks, by the supervisor and the key's hash.

/// One copy; `index` -1: the supervisor, whose value is how many copies there are.
private struct PartitionKey: Hashable, Sendable {
    let supervisor: Pid
    let index: Int
}

/// The copies of one supervisor, for as long as it is kept.
final class PartitionPlaces: Sendable {
    /// Of every supervisor of the program: pids belong to no runtime alone.
    private static let table = _EntryTable<PartitionKey, Int>(isUnique: true, partitions: 64)

    private let supervisor: Pid

    init(of supervisor: Pid, count: Int) {
        self.supervisor = supervisor
        _ = Self.table.insert(PartitionKey(supervisor: supervisor, index: -1), count, of: supervisor.raw)
    }

    deinit { Self.forget(supervisor) }

    /// Routes keys among so many copies from now on.
    func setCount(_ count: Int) {
        let key = PartitionKey(supervisor: supervisor, index: -1)
        _ = Self.table.update(key, of: supervisor.raw) { _ in count }
        Self.table.limbo.sweep()
    }

    private static func forget(_ pid: Pid) {
        _ = table.clean(pid.raw)
        table.limbo.sweep()
    }

    /// The copy that owns a hash now.
    fileprivate static func copy(of supervisor: Pid, _ hash: Int) -> Pid? {
        var count = 0
        table.forEach(PartitionKey(supervisor: supervisor, index: -1)) { _, value in count = value }
        guard count > 0 else { return nil }
        let index = Int(UInt(bitPattern: hash) % UInt(count))
        let pid = table.pid(PartitionKey(supervisor: supervisor, index: index))
        return pid == 0 ? nil : Pid(raw: pid)
    }

    /// The name under which a copy registers itself.
    struct Slot: NameResolver {
        let supervisor: Pid
        let index: Int

        var description: String { "partition \(index) of \(supervisor)" }

        func register(_ pid: Pid) -> Pid? {
            switch PartitionPlaces.table.insert(PartitionKey(supervisor: supervisor, index: index), 0, of: pid.raw) {
            case .taken(let holder): Pid(raw: holder)
            case .inserted: nil
            }
        }

        func unregister(_ pid: Pid) { PartitionPlaces.forget(pid) }

        func resolve() -> Pid? {
            let pid = PartitionPlaces.table.pid(PartitionKey(supervisor: supervisor, index: index))
            return pid == 0 ? nil : Pid(raw: pid)
        }
    }
}

/// The name of whoever owns a key: follows restarts of the copy, of the supervisor if it is known by a name, and resizes.
struct PartitionName<Address: ServerAddress>: NameResolver {
    let address: Address
    let hash: Int

    var description: String { "partition of \(Pid(raw: address._pid))" }

    /// Nobody registers under a key.
    func register(_ pid: Pid) throws -> Pid? {
        throw SupervisorError.invalidChild("partition", "expected a name to call by, got one to start with")
    }

    func unregister(_ pid: Pid) {}

    func resolve() -> Pid? { PartitionPlaces.copy(of: Pid(raw: address._pid), hash) }
}
