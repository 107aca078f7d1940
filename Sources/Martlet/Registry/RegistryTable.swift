// SPDX-License-Identifier: Apache-2.0
// A registry in one runtime: the entries, the server that cleans up, who listens. It outlives its server's crashes, so that
// nobody has to register again.

internal import Synchronization

@usableFromInline
final class RegistryTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline let entries: _EntryTable<Key, Value>
    /// Watches the processes that have entries; `Pid.none` before the first.
    private let server = Atomic<UInt64>(0)
    /// Whether its server was asked to sweep and has not begun.
    private let isAsked = Atomic(false)
    /// Hears of changes; nil: there will be none any more.
    let listeners = _Fan<RegistryEvent<Key, Value>?>()

    init(isUnique: Bool, partitions: Int) {
        entries = _EntryTable(isUnique: isUnique, partitions: partitions)
    }

    /// The server now or last.
    var serverPid: Pid { Pid(raw: server.load(ordering: .acquiring)) }

    /// Makes an entry for a process, whose end will take it away.
    ///
    /// Any thread. `RegistryError.notStarted` when the calling process was killed: nothing it does has an effect.
    func register(_ key: Key, _ value: Value, of pid: Pid) throws(RegistryError) {
        // Told before the end of the process can be, which it may be any time.
        switch entries.insert(key, value, of: pid.raw, made: { tell(.registered(key, pid, value)) }) {
        case .taken(let holder): throw .alreadyRegistered(Pid(raw: holder))
        case .inserted(let entry, let isWatched):
            guard isWatched || watch(pid, entry.serial) else {
                if entries.undo(entry) { tell(.unregistered(key, pid)) }
                throw .notStarted
            }
        }
    }

    /// Lets the server hear of the end of a process, or its successor, which watches whoever is listed; false: the current
    /// process was killed.
    private func watch(_ pid: Pid, _ serial: UInt64) -> Bool {
        var watcher = serverPid
        while !pid.isMonitored(by: watcher) {
            // A successor that has begun may have looked for whom to watch before the entry was there.
            let successor = serverPid
            if successor == watcher { return !watcher.isAlive }
            watcher = successor
        }
        entries.index.setWatched(pid.raw, serial: serial)
        return true
    }

    /// Takes entries away, at most so many.
    ///
    /// - Returns: how many.
    func unregister(_ key: Key, of pid: Pid, atMost limit: Int = .max) -> Int {
        let count = entries.remove(key, of: pid.raw, atMost: limit)
        for _ in 0..<count { tell(.unregistered(key, pid)) }
        askToSweep()
        return count
    }

    func tell(_ event: @autoclosure () -> RegistryEvent<Key, Value>) {
        if listeners.isHeard { listeners.tell(event()) }
    }

    /// What a reader held back is ended by the server: no more change may come that would.
    func askToSweep() {
        guard !entries.limbo.isEmpty, !isAsked.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let server = ProcessRef<RegistrySweep>(pid: serverPid)
        if server.send(RegistrySweep()) != .queued { isAsked.store(false, ordering: .releasing) }
    }

    // MARK: For the server

    /// A new server: `pid` takes over unless another lives, which is returned.
    ///
    /// One at a time.
    func take(over pid: Pid) -> Pid? {
        let holder = serverPid
        if holder.isAlive, holder != pid { return holder }
        server.store(pid.raw, ordering: .releasing)
        return nil
    }

    /// Watches whoever has entries; their ends may be news at once.
    func adopt() {
        isAsked.store(false, ordering: .releasing)
        for (pid, serial) in entries.index.processes where Pid(raw: pid).isMonitored(by: serverPid) {
            entries.index.setWatched(pid, serial: serial)
        }
    }

    /// A process has ended.
    func clean(_ pid: Pid) {
        for key in entries.clean(pid.raw) { tell(.unregistered(key, pid)) }
    }

    /// Whether everything that waited has been ended.
    func sweep() -> Bool {
        isAsked.store(false, ordering: .releasing)
        entries.limbo.sweep()
        return entries.limbo.isEmpty
    }
}

/// Asks the server of a registry to end what readers held back.
struct RegistrySweep: Sendable {}
