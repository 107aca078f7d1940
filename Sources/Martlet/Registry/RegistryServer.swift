// SPDX-License-Identifier: Apache-2.0
// The process of a registry: hears of the ends of those who have entries. Not on the way of any look-up or registration.

struct RegistryServer<Key: Hashable & Sendable, Value: Sendable>: GenServer {
    typealias Message = RegistrySweep

    /// How soon what a reader still held back is looked at again; a reader that lasts so long was preempted.
    private static var pause: Duration { .milliseconds(1) }

    private let places: RegistryPlaces<Key, Value>
    private let table: RegistryTable<Key, Value>

    init(_ places: RegistryPlaces<Key, Value>) throws {
        self.places = places
        table = try places.table()
        table.adopt()
    }

    mutating func handleInfo(_ info: Info<RegistrySweep>) -> Next {
        if case .down(_, let pid, _) = info { table.clean(pid) }
        if !table.sweep() { Self.current.sendAfter(Self.pause, RegistrySweep()) }
        return .wait
    }

    func terminate(_ reason: ExitReason) {
        // After a crash a successor goes on with the table.
        if !reason.isAbnormal { places.close(table) }
    }
}
