// SPDX-License-Identifier: Apache-2.0
// Cells, rings and lists of an EntryTable, without keys and values: what happens under its locks. Not generic, so that no
// code of the user can run here, and so that one copy serves all tables.
//
//     hash --high bits--> partition: word of its cells --> [ 0 | entry | gone | entry | 0 ... ]   open addressing
//                                                               | ring of the key's entries (Entry.swift)
//     pid --------------> shard: the entries of that process, in a list

public import Synchronization

/// What a reader of a partition sees first; a cache line.
@usableFromInline
struct _PartitionHead: ~Copyable {
    /// Where the cells are: their mask, then the cells.
    ///
    /// A cell is 0: never used; 1: gone, look on; or an entry.
    @usableFromInline let cells = Atomic<UInt>(0)
    /// Counts changes, under the lock.
    let version = Atomic<UInt>(0)
    private let padding: (UInt, UInt, UInt, UInt, UInt, UInt) = (0, 0, 0, 0, 0, 0)
}

/// Where the entries of a table are.
@safe
final class _EntryIndex: @unchecked Sendable {  // words are atomic, all else is under a lock: EntryTable.swift
    typealias Address = _EntryAddress

    /// A process's list: made with its first entry, gone when it was cleaned up.
    struct Owner {
        /// Tells it from a later list of the same process.
        let serial: UInt64
        /// Addresses, in no order.
        var entries: [UInt] = []
        /// Whether the table will be cleaned after its end.
        var isWatched = false
    }

    /// The lists of some processes.
    struct Shard {
        var owners: [UInt64: Owner] = [:]
        var lastSerial: UInt64 = 0
    }

    let isUnique: Bool
    let heads: UnsafeMutablePointer<_PartitionHead>
    let shift: UInt
    let books: [_Locked<_PartitionBooks>]
    private let shards: [_Locked<Shard>]

    /// - Parameter partitions: rounded up to a power of two.
    init(isUnique: Bool, partitions: Int) {
        self.isUnique = isUnique
        let bits = Int.bitWidth - (max(1, partitions) - 1).leadingZeroBitCount
        let count = 1 << bits
        shift = UInt(Int.bitWidth - bits)
        unsafe heads = .allocate(capacity: count)
        for index in 0..<count {
            unsafe (heads + index).initialize(to: _PartitionHead())
            unsafe heads[index].cells.store(_Cells.make(_Cells.capacityMin).word, ordering: .relaxed)
        }
        books = (0..<count).map { _ in _Locked(_PartitionBooks()) }
        shards = (0..<count).map { _ in _Locked(Shard()) }
    }

    deinit {
        for index in books.indices { _Cells(word: unsafe heads[index].cells.load(ordering: .relaxed)).end() }
        unsafe heads.deinitialize(count: books.count)
        unsafe heads.deallocate()
    }

    func partition(_ hash: Int) -> Int { Int(bitPattern: UInt(bitPattern: hash) >> shift) }

    private func shard(_ pid: UInt64) -> _Locked<Shard> {
        shards[Int(truncatingIfNeeded: pid) & (shards.count - 1)]
    }

    /// How many entries are linked.
    var count: Int { books.reduce(0) { sum, books in sum + books.withLock { $0.entries } } }

    // MARK: The lists of processes

    /// Lists an entry with its process; in which list, and whether that is watched.
    @unsafe
    func list(_ entry: Address) -> (serial: UInt64, isWatched: Bool) {
        let pid = unsafe entry.head.pointee.pid
        return shard(pid).withLock { shard in
            shard.lastSerial += 1
            let new = Owner(serial: shard.lastSerial)
            let (place, serial, isWatched) = shard.owners[pid, default: new].append(unsafe entry.word)
            unsafe entry.head.pointee.place = place
            return (serial, isWatched)
        }
    }

    /// Takes an entry out of its process's list: the caller ends it.
    ///
    /// False: another has.
    @unsafe
    func claim(_ entry: Address) -> Bool {
        let pid = unsafe entry.head.pointee.pid
        return shard(pid).withLock { shard in
            let place = unsafe entry.head.pointee.place
            guard let moved = unsafe shard.owners[pid]?.remove(entry.word, at: place) else { return false }
            if let moved = unsafe Address(word: moved) { unsafe moved.head.pointee.place = place }
            // A watched one goes with its process.
            if place == 0, let owner = shard.owners[pid], owner.entries.isEmpty, !owner.isWatched {
                shard.owners[pid] = nil
            }
            return true
        }
    }

    /// Puts an entry into another's place in the list of its process; false: that is not there any more.
    @unsafe
    func claim(_ old: Address, for new: Address) -> Bool {
        let pid = unsafe old.head.pointee.pid
        return shard(pid).withLock { shard in
            let place = unsafe old.head.pointee.place
            guard unsafe shard.owners[pid]?.replace(old.word, at: place, by: new.word) == true else { return false }
            unsafe new.head.pointee.place = place
            return true
        }
    }

    /// The list itself goes: the caller ends its entries.
    func takeList(of pid: UInt64) -> [UInt] {
        shard(pid).withLock { $0.owners.removeValue(forKey: pid)?.entries } ?? []
    }

    /// The table will be cleaned after the end of a process; of a later list of it nothing is said.
    func setWatched(_ pid: UInt64, serial: UInt64) {
        shard(pid).withLock { shard in
            if shard.owners[pid]?.serial == serial { shard.owners[pid]?.isWatched = true }
        }
    }

    /// All entries.
    var listed: [UInt] { shards.flatMap { shard in shard.withLock { $0.owners.values.flatMap(\.entries) } } }

    /// The processes that have a list.
    var processes: [(pid: UInt64, serial: UInt64)] {
        shards.flatMap { shard in shard.withLock { $0.owners.map { ($0.key, $0.value.serial) } } }
    }

    /// Calls `body`, which runs no code of the user, with the entries of a process.
    @unsafe
    func forEach(of pid: UInt64, _ body: (Address) -> Void) {
        shard(pid).withLock { shard in
            for word in shard.owners[pid]?.entries ?? [] {
                if let entry = unsafe Address(word: word) { unsafe body(entry) }
            }
        }
    }
}

extension _EntryIndex.Owner {
    mutating func append(_ entry: UInt) -> (place: Int, serial: UInt64, isWatched: Bool) {
        entries.append(entry)
        return (entries.count - 1, serial, isWatched)
    }

    /// What took its place, 0 if it was the last; nil: it is not there.
    mutating func remove(_ entry: UInt, at place: Int) -> UInt? {
        guard place < entries.count, entries[place] == entry, let last = entries.popLast() else { return nil }
        guard last != entry else { return 0 }
        entries[place] = last
        return last
    }

    mutating func replace(_ old: UInt, at place: Int, by new: UInt) -> Bool {
        guard place < entries.count, entries[place] == old else { return false }
        entries[place] = new
        return true
    }
}
