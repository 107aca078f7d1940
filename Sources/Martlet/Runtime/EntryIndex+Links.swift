// SPDX-License-Identifier: Apache-2.0
// Cells and rings of a table: what is done under the lock of a partition. Pointers are compared here, never keys.

extension _EntryIndex {
    /// The cells of a partition, under its lock.
    private func cells(_ partition: Int) -> _Cells {
        _Cells(word: unsafe heads[partition].cells.load(ordering: .relaxed))
    }

    /// What was seen of the partition before does not hold any more.
    private func note(_ partition: Int) {
        // release: with the changes before it, for who loads it before it looks.
        unsafe heads[partition].version.wrappingAdd(1, ordering: .releasing)
    }

    /// The cell whose first entry `accepts`; it is there.
    @unsafe
    private func cell(_ hash: Int, in cells: _Cells, where accepts: (Address) -> Bool) -> UInt {
        var index = UInt(bitPattern: hash) & cells.mask
        while true {
            let word = cells[index].load(ordering: .relaxed)
            precondition(word != _Cells.empty, "expected a linked entry to have a cell, got none")
            if word != _Cells.gone, let first = unsafe Address(word: word), unsafe accepts(first) { return index }
            index = (index &+ 1) & cells.mask
        }
    }

    /// Whether no entry of its key is older.
    @unsafe
    private func isFirst(_ entry: Address) -> Bool {
        guard let before = unsafe Address(word: entry.head.pointee.previous) else { return true }
        return unsafe before.next != entry.word
    }

    /// The newest of a key, `entry`, is another from now on.
    @unsafe
    private func setNewest(_ entry: Address, to new: UInt, in cells: _Cells) {
        let (hash, word) = unsafe (entry.head.pointee.hash, entry.word)
        let index = unsafe cell(hash, in: cells) { unsafe $0.head.pointee.previous == word }
        if let first = unsafe Address(word: cells[index].load(ordering: .relaxed)) {
            unsafe first.head.pointee.previous = new
        }
    }

    // MARK: Linking

    /// Links a new entry, if the partition is still of the version in which `first` was found.
    ///
    /// Behind `first`, the oldest of its key, or in its place in a unique table; nil: it is the only one.
    ///
    /// - Returns: cells that are garbage now, 0: none; nil: it was changed meanwhile.
    @unsafe
    func link(_ entry: Address, at first: Address?, ifStill version: UInt) -> UInt? {
        let partition = unsafe partition(entry.head.pointee.hash)
        return books[partition].withLock { books in
            guard unsafe heads[partition].version.load(ordering: .relaxed) == version else { return nil }
            return unsafe link(entry, at: first, partition, &books)
        }
    }

    @unsafe
    private func link(_ entry: Address, at first: Address?, _ partition: Int, _ books: inout _PartitionBooks) -> UInt {
        defer { note(partition) }
        guard let first = unsafe first else { return unsafe put(entry, partition, &books) }
        if isUnique {
            unsafe exchange(first, for: entry, cells(partition))
            return 0
        }
        unsafe entry.head.pointee.isLinked = true
        books.entries += 1
        guard let newest = unsafe Address(word: first.head.pointee.previous) else { return 0 }
        unsafe entry.head.pointee.previous = newest.word
        unsafe first.head.pointee.previous = entry.word
        unsafe newest.head.pointee.next.store(entry.word, ordering: .sequentiallyConsistent)
        return 0
    }

    /// Puts the first entry of a key into a cell.
    @unsafe
    private func put(_ entry: Address, _ partition: Int, _ books: inout _PartitionBooks) -> UInt {
        var garbage: UInt = 0
        if (books.used + 1) * 4 > cells(partition).capacity * 3 { garbage = rebuild(partition, &books) }
        let cells = cells(partition)
        unsafe entry.head.pointee.previous = entry.word
        unsafe entry.head.pointee.isLinked = true
        let (index, wasEmpty) = unsafe Self.freeCell(entry.head.pointee.hash, in: cells)
        cells[index].store(unsafe entry.word, ordering: .sequentiallyConsistent)
        if wasEmpty { books.used += 1 }
        books.keys += 1
        books.entries += 1
        return garbage
    }

    private static func freeCell(_ hash: Int, in cells: _Cells) -> (index: UInt, wasEmpty: Bool) {
        var index = UInt(bitPattern: hash) & cells.mask
        while true {
            let word = cells[index].load(ordering: .relaxed)
            if word == _Cells.empty || word == _Cells.gone { return (index, word == _Cells.empty) }
            index = (index &+ 1) & cells.mask
        }
    }

    /// One entry in another's place; readers find one of the two.
    @unsafe
    private func exchange(_ old: Address, for new: Address, _ cells: _Cells) {
        let (isFirst, next, previous) = unsafe (isFirst(old), old.next, old.head.pointee.previous)
        unsafe new.head.pointee.next.store(next, ordering: .relaxed)
        unsafe new.head.pointee.previous = unsafe previous == old.word ? new.word : previous
        unsafe new.head.pointee.isLinked = true
        unsafe old.head.pointee.isLinked = false
        if !isFirst, next == 0 { unsafe setNewest(old, to: new.word, in: cells) }
        if let next = unsafe Address(word: next) { unsafe next.head.pointee.previous = new.word }
        if isFirst {
            let index = unsafe cell(old.head.pointee.hash, in: cells) { unsafe $0.word == old.word }
            cells[index].store(unsafe new.word, ordering: .sequentiallyConsistent)
        } else if let before = unsafe Address(word: previous) {
            unsafe before.head.pointee.next.store(new.word, ordering: .sequentiallyConsistent)
        }
    }

    /// The same for a caller that does not hold the lock; false: the old one is not linked any more.
    @unsafe
    func exchange(_ old: Address, for new: Address) -> Bool {
        let partition = unsafe partition(old.head.pointee.hash)
        return books[partition].withLock { _ in
            guard unsafe old.head.pointee.isLinked else { return false }
            unsafe exchange(old, for: new, cells(partition))
            note(partition)
            return true
        }
    }

    // MARK: Unlinking

    /// Takes an entry out of its cell or ring, if it is there.
    ///
    /// - Returns: cells that are garbage now, 0: none.
    @unsafe
    func unlink(_ entry: Address) -> UInt {
        let partition = unsafe partition(entry.head.pointee.hash)
        return books[partition].withLock { books in
            guard unsafe entry.head.pointee.isLinked else { return 0 }
            unsafe entry.head.pointee.isLinked = false
            books.entries -= 1
            defer { note(partition) }
            let cells = cells(partition)
            let (next, previous) = unsafe (entry.next, entry.head.pointee.previous)
            if unsafe !isFirst(entry) {
                if let next = unsafe Address(word: next) {
                    unsafe next.head.pointee.previous = previous
                } else {
                    unsafe setNewest(entry, to: previous, in: cells)
                }
                if let before = unsafe Address(word: previous) {
                    unsafe before.head.pointee.next.store(next, ordering: .sequentiallyConsistent)
                }
                return 0
            }
            let index = unsafe cell(entry.head.pointee.hash, in: cells) { unsafe $0.word == entry.word }
            if let follower = unsafe Address(word: next) {
                unsafe follower.head.pointee.previous = previous
                cells[index].store(next, ordering: .sequentiallyConsistent)
                return 0
            }
            books.keys -= 1
            Self.free(index, in: cells, &books)
            let isSparse = cells.capacity > _Cells.capacityKept && books.keys * 8 < cells.capacity
            return isSparse ? rebuild(partition, &books) : 0
        }
    }

    /// A cell without an entry: empty where no search goes on behind it, and so those before it that are gone.
    private static func free(_ index: UInt, in cells: _Cells, _ books: inout _PartitionBooks) {
        let isLast = cells[(index &+ 1) & cells.mask].load(ordering: .relaxed) == _Cells.empty
        cells[index].store(isLast ? _Cells.empty : _Cells.gone, ordering: .sequentiallyConsistent)
        guard isLast else { return }
        books.used -= 1
        var index = (index &- 1) & cells.mask
        while cells[index].load(ordering: .relaxed) == _Cells.gone {
            cells[index].store(_Cells.empty, ordering: .sequentiallyConsistent)
            books.used -= 1
            index = (index &- 1) & cells.mask
        }
    }

    /// Cells for one key more than there are, half full at most; the old ones are garbage.
    private func rebuild(_ partition: Int, _ books: inout _PartitionBooks) -> UInt {
        let old = cells(partition)
        var capacity = _Cells.capacityMin
        while capacity < (books.keys + 1) * 2 { capacity *= 2 }
        let new = _Cells.make(capacity)
        for index in 0...old.mask {
            let word = old[index].load(ordering: .relaxed)
            guard word != _Cells.gone, let entry = unsafe Address(word: word) else { continue }
            let free = unsafe Self.freeCell(entry.head.pointee.hash, in: new).index
            new[free].store(word, ordering: .relaxed)
        }
        unsafe heads[partition].cells.store(new.word, ordering: .sequentiallyConsistent)
        books.used = books.keys
        return old.word
    }
}
