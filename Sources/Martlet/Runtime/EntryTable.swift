// SPDX-License-Identifier: Apache-2.0
// Processes by key, for tables that many read and few change: Registry, ProcessGroups. Looking up takes no lock.
//
// Contract. An entry is made by `insert` and found until `remove` or `clean` took it; one whose process has ended is never
// found, cleaned up or not. Who inserts for a process must see to it that `clean` is called after its end: `insert`
// says whether that has been arranged.
//
// Why it is correct.
// - Readers follow sc loads inside a read section: cells, cell, next (EntryIndex.swift). What they can reach is freed
//   behind a grace period (grace.h). A cell changes by one store, so a key whose entry is replaced is found throughout.
// - Writers change cells and rings under the lock of the partition, in the index, which knows no keys. A key is compared
//   before, in a read section, and the partition's version says under the lock whether what was seen still holds.
// - An entry is taken out by who takes it out of its process's list, under the lock of that list: exactly one does, and
//   frees it. It is put into that list after its cell, and a list that went with its process is made anew: so whoever
//   comes too late for one `clean` asks for the next.
//
// What was rejected: adr/0017-registry-lookups.md.

public import CMartlet
public import Synchronization

/// A table of entries.
@safe
@usableFromInline
final class _EntryTable<Key: Hashable & Sendable, Value: Sendable>: @unchecked Sendable {  // see above
    @usableFromInline typealias Address = _EntryAddress

    let index: _EntryIndex
    /// The index's, for readers.
    @usableFromInline let heads: UnsafeMutablePointer<_PartitionHead>
    @usableFromInline let shift: UInt
    let limbo = _Limbo<_TableGarbage> { garbage in
        switch garbage {
        case .entry(let word): unsafe Address(word: word)?.end(Key.self, Value.self)
        case .cells(let word): _Cells(word: word).end()
        }
    }

    /// - Parameter partitions: rounded up to a power of two.
    init(isUnique: Bool, partitions: Int) {
        index = _EntryIndex(isUnique: isUnique, partitions: partitions)
        unsafe heads = index.heads
        shift = index.shift
    }

    deinit {
        for word in index.listed { unsafe Address(word: word)?.end(Key.self, Value.self) }
    }

    /// How many entries, those of processes that ended just now included.
    var count: Int { index.count }

    // MARK: Looking

    /// The oldest entry of a key, its process alive or not.
    ///
    /// In a read section.
    @inlinable @inline(__always)
    func first(_ key: Key, _ hash: Int) -> Address? {
        let partition = Int(bitPattern: UInt(bitPattern: hash) >> shift)
        let cells = unsafe _Cells(word: heads[partition].cells.load(ordering: .sequentiallyConsistent))
        var index = UInt(bitPattern: hash) & cells.mask
        while true {
            let word = cells[index].load(ordering: .sequentiallyConsistent)
            if word == _Cells.empty { return nil }
            if word != _Cells.gone, let entry = unsafe Address(word: word),
                unsafe entry.head.pointee.hash == hash, unsafe entry.entry(Key.self, Value.self).pointee.key == key
            {
                return unsafe entry
            }
            index = (index &+ 1) & cells.mask
        }
    }

    /// The oldest living process of a key, 0: none.
    @inlinable
    func pid(_ key: Key) -> UInt64 { pid(key, key.hashValue) }

    /// The same of a key whose hash is known.
    @inlinable @inline(__always)
    func pid(_ key: Key, _ hash: Int) -> UInt64 {
        _ReadSection.run {
            guard var entry = unsafe first(key, hash) else { return 0 }
            while true {
                let pid = unsafe entry.head.pointee.pid
                if mt_pid_is_alive(pid) { return pid }
                let word = unsafe entry.head.pointee.next.load(ordering: .sequentiallyConsistent)
                guard let next = unsafe Address(word: word) else { return 0 }
                unsafe entry = unsafe next
            }
        }
    }

    /// Calls `body`, which runs no code of the user, with each living process of a key, the oldest first.
    @inlinable
    func forEach(_ key: Key, _ body: (UInt64, Value) -> Void) {
        let hash = key.hashValue
        _ReadSection.run {
            guard let first = unsafe first(key, hash) else { return }
            unsafe Self.walk(first) { entry in unsafe body(entry.pointee.head.pid, entry.pointee.value) }
        }
    }

    /// The living ones from an entry on.
    @unsafe
    @inlinable @inline(__always)
    static func walk(_ first: Address, _ body: (UnsafeMutablePointer<_Entry<Key, Value>>) -> Void) {
        var entry = unsafe first
        while true {
            if unsafe mt_pid_is_alive(entry.head.pointee.pid) { unsafe body(entry.entry(Key.self, Value.self)) }
            let word = unsafe entry.head.pointee.next.load(ordering: .sequentiallyConsistent)
            guard let next = unsafe Address(word: word) else { return }
            unsafe entry = unsafe next
        }
    }

    /// All of living processes, in no order; not one moment's.
    func all() -> [(key: Key, pid: UInt64, value: Value)] {
        var all: [(key: Key, pid: UInt64, value: Value)] = []
        for partition in index.books.indices {
            _ReadSection.run {
                let cells = _Cells(word: unsafe heads[partition].cells.load(ordering: .sequentiallyConsistent))
                for cell in 0...cells.mask {
                    let word = cells[cell].load(ordering: .sequentiallyConsistent)
                    guard word != _Cells.gone, let first = unsafe Address(word: word) else { continue }
                    unsafe Self.walk(first) { entry in
                        unsafe all.append((entry.pointee.key, entry.pointee.head.pid, entry.pointee.value))
                    }
                }
            }
        }
        return all
    }
}

/// What became garbage in a table.
enum _TableGarbage {
    case entry(UInt)
    case cells(UInt)
}
