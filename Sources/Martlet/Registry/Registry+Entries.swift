// SPDX-License-Identifier: Apache-2.0
// Entries: the current process writes its own, anyone reads.

extension Registry {
    /// Gives the current process a key until it unregisters or ends (`Registry.register/3`).
    ///
    /// When it returns, every look-up finds the entry. Traps outside a process (use `withProcess`).
    ///
    /// - Parameters:
    ///   - key: the key; a duplicate registry takes it again from the same process.
    ///   - value: what belongs to the entry; small, as look-ups copy it.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Throws: ``RegistryError``: `alreadyRegistered` with the process that has the unique key; `notStarted`.
    /// - Complexity: O(1), under the lock of a partition for some steps.
    public func register(
        _ key: Key, _ value: Value, file: StaticString = #fileID, line: UInt = #line
    ) throws(RegistryError) {
        try places.table().register(key, value, of: Pid.ofCaller("register", file, line))
    }

    /// Takes the current process's entries of that key away (`Registry.unregister/2`).
    ///
    /// Does nothing if there are none. Traps outside a process.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Complexity: O(1) in a unique registry, else O(entries of the process).
    public func unregister(_ key: Key, file: StaticString = #fileID, line: UInt = #line) {
        _ = places.tables.current?.unregister(key, of: Pid.ofCaller("unregister", file, line))
    }

    /// Changes the current process's value of that key (`Registry.update_value/3`).
    ///
    /// Look-ups see the value of before or of after, and the entry throughout. Listeners are not told. Traps outside a
    /// process.
    ///
    /// - Parameters:
    ///   - key: the key; of several entries in a duplicate registry one is changed.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - change: makes the new value of the old one.
    /// - Returns: the new value; nil if the process has no such entry.
    @discardableResult
    public func update(
        _ key: Key, file: StaticString = #fileID, line: UInt = #line, _ change: (Value) -> Value
    ) -> Value? {
        let pid = Pid.ofCaller("update", file, line)
        guard let table = places.tables.current else { return nil }
        defer { table.askToSweep() }
        return table.entries.update(key, of: pid.raw, change)
    }

    /// The entries of a key, the oldest first; at most one in a unique registry (`Registry.lookup/2`).
    ///
    /// - Parameter key: the key.
    /// - Returns: the entries of living processes; none when the registry is not started.
    /// - Complexity: O(entries of the key); takes no lock.
    @inlinable
    public func entries(_ key: Key) -> [Entry] {
        var entries: [Entry] = []
        _ = places.read { table in
            table.entries.forEach(key) { entries.append(Entry(pid: Pid(raw: $0), value: $1)) }
        }
        return entries
    }

    /// The process of a key (`Registry.whereis_name/1`).
    ///
    /// - Parameter key: the key; in a duplicate registry its oldest entry counts.
    /// - Returns: a process that lived when it was looked up; nil if there is none, or the registry is not started.
    /// - Complexity: O(1); takes no lock.
    @inlinable
    public func pid(_ key: Key) -> Pid? {
        guard let raw = places.read({ $0.entries.pid(key) }), raw != 0 else { return nil }
        return Pid(raw: raw)
    }

    /// The keys of a process, in no order; a key that it has twice is there twice (`Registry.keys/2`).
    ///
    /// - Parameter pid: the process.
    /// - Returns: its keys; none if it has ended.
    /// - Complexity: O(entries of the process), under a lock that its registrations share.
    public func keys(of pid: Pid) -> [Key] { places.tables.current?.entries.keys(of: pid.raw) ?? [] }

    /// All entries that a predicate accepts, in no order (`Registry.select/2`).
    ///
    /// An entry that is there during the whole call is looked at once; those that come or go meanwhile, perhaps.
    ///
    /// - Parameter isIncluded: says which.
    /// - Returns: keys and entries.
    /// - Complexity: O(all entries); takes no lock.
    public func select(where isIncluded: (Key, Entry) -> Bool) -> [(Key, Entry)] {
        guard let table = places.tables.current else { return [] }
        return table.entries.all().compactMap { key, pid, value in
            let entry = Entry(pid: Pid(raw: pid), value: value)
            return isIncluded(key, entry) ? (key, entry) : nil
        }
    }

    /// Runs `body` while no other `withLock` of that key runs (`Registry.lock/3`).
    ///
    /// For what must look and then change, as "register unless somebody has". Who waits blocks its thread, with another
    /// worker standing in; within `body`, the same key may be locked again. It locks nothing else: registrations and
    /// look-ups go on.
    ///
    /// - Parameters:
    ///   - key: the key, registered or not.
    ///   - body: what to run; short. One that waits for a process which waits for the lock is a deadlock.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    public func withLock<R, E: Error>(_ key: Key, _ body: () throws(E) -> R) throws(E) -> R {
        try locks.with(key.hashValue, body)
    }
}

extension Registry where Value == Void {
    /// Gives the current process a key until it unregisters or ends (`Registry.register/3`).
    ///
    /// Traps outside a process.
    ///
    /// - Parameters:
    ///   - key: the key; a duplicate registry takes it again from the same process.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Throws: ``RegistryError``: `alreadyRegistered` with the process that has the unique key; `notStarted`.
    public func register(
        _ key: Key, file: StaticString = #fileID, line: UInt = #line
    ) throws(RegistryError) { try register(key, (), file: file, line: line) }
}
