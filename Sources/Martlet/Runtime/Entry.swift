// SPDX-License-Identifier: Apache-2.0
// One entry of an EntryTable: a process under a key, with a value. Constant but for its links, and freed behind a grace
// period.

public import Synchronization

/// What the index knows of an entry: everything but key and value.
///
/// Entries of one key are a ring with an open end: `next` leads from the oldest to the newest, which has none;
/// `previous` leads back, and from the oldest to the newest, so that both ends are found in one step.
///
///     cell --> [ oldest ] --next--> [ ... ] --next--> [ newest ] --next--> 0
///                  '------------------previous------------^
@usableFromInline
struct _EntryHead: ~Copyable {
    @usableFromInline let hash: Int
    @usableFromInline let pid: UInt64
    /// The next of the same key, 0: none.
    ///
    /// Stored under the partition's lock, read by anyone in a read section.
    @usableFromInline let next = Atomic<UInt>(0)
    /// Guarded by the partition's lock.
    var previous: UInt = 0
    /// Whether a cell leads here; guarded by the partition's lock.
    var isLinked = false
    /// Where its process lists it; guarded by the lock of that list.
    var place = 0

    init(hash: Int, pid: UInt64) {
        self.hash = hash
        self.pid = pid
    }
}

/// All of an entry; its head lies where it lies.
@usableFromInline
struct _Entry<Key, Value>: ~Copyable {
    @usableFromInline let head: _EntryHead
    @usableFromInline let key: Key
    @usableFromInline let value: Value

    init(hash: Int, pid: UInt64, key: Key, value: Value) {
        head = _EntryHead(hash: hash, pid: pid)
        self.key = key
        self.value = value
    }
}

/// Where an entry is.
///
/// Good inside the read section it was found in; after it was taken out of the table, for who took it.
@unsafe
@usableFromInline
struct _EntryAddress {
    @usableFromInline let head: UnsafeMutablePointer<_EntryHead>

    init<Key, Value>(_ entry: consuming _Entry<Key, Value>) {
        let pointer = UnsafeMutablePointer<_Entry<Key, Value>>.allocate(capacity: 1)
        unsafe pointer.initialize(to: entry)
        unsafe head = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: _EntryHead.self)
    }

    /// Nil: the word leads to no entry.
    @inlinable
    init?(word: UInt) {
        guard let head = unsafe UnsafeMutablePointer<_EntryHead>(bitPattern: word) else { return nil }
        unsafe self.head = unsafe head
    }

    @inlinable var word: UInt { unsafe UInt(bitPattern: head) }

    /// The one behind it, under the lock.
    var next: UInt { unsafe head.pointee.next.load(ordering: .relaxed) }

    /// The entry of a table with such keys and values.
    @inlinable @inline(__always)
    func entry<Key, Value>(_: Key.Type, _: Value.Type) -> UnsafeMutablePointer<_Entry<Key, Value>> {
        unsafe UnsafeMutableRawPointer(head).assumingMemoryBound(to: _Entry<Key, Value>.self)
    }

    /// Nobody else knows it any more: ends key and value.
    func end<Key, Value>(_: Key.Type, _: Value.Type) {
        let entry = unsafe entry(Key.self, Value.self)
        unsafe entry.deinitialize(count: 1)
        unsafe entry.deallocate()
    }
}
