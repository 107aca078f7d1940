// SPDX-License-Identifier: Apache-2.0
// Making, changing and ending entries. Each looks in a read section, where keys are compared, then changes under a lock,
// where they are not; what became garbage is ended last, outside of both.

/// What became of an insertion.
enum _Insertion {
    /// There is an entry; `isWatched`: the end of its process will be told, see `setWatched`.
    case inserted(_Inserted, isWatched: Bool)
    /// The key is that living process's.
    case taken(UInt64)
}

/// An entry that its maker may still take back.
struct _Inserted {
    fileprivate let word: UInt
    fileprivate let hash: Int
    let pid: UInt64
    /// Of the list of the process that it is in.
    let serial: UInt64
}

private enum Attempt {
    case linked(garbage: UInt)
    case taken(UInt64)
    /// The partition was changed while the key was looked for.
    case raced
}

extension _EntryTable {
    /// Makes an entry for a process.
    ///
    /// - Parameter made: called when it is found, and before anybody can take it out; no lock is held.
    func insert(_ key: Key, _ value: Value, of pid: UInt64, made: () -> Void = {}) -> _Insertion {
        let hash = key.hashValue
        if index.isUnique, case let holder = self.pid(key, hash), holder != 0 { return .taken(holder) }
        let entry = unsafe Address(_Entry(hash: hash, pid: pid, key: key, value: value))
        while true {
            switch unsafe attempt(entry, key, hash) {
            case .raced: continue
            case .taken(let holder):
                unsafe entry.end(Key.self, Value.self)
                return .taken(holder)
            case .linked(let garbage):
                // From here on it can be replaced by a successor, but not ended: that takes its process's list.
                let word = unsafe entry.word
                made()
                let (serial, isWatched) = unsafe index.list(entry)
                endCells(garbage)
                return .inserted(_Inserted(word: word, hash: hash, pid: pid, serial: serial), isWatched: isWatched)
            }
        }
    }

    @unsafe
    private func attempt(_ entry: Address, _ key: Key, _ hash: Int) -> Attempt {
        let partition = index.partition(hash)
        return _ReadSection.run {
            // acquire: pairs with `note` in the index: the changes that this version counts are seen below.
            let version = unsafe heads[partition].version.load(ordering: .acquiring)
            let first = unsafe first(key, hash)
            if index.isUnique, let holder = unsafe first?.head.pointee.pid, _Post.isAlive(holder) {
                return .taken(holder)
            }
            let garbage = unsafe index.link(entry, at: first, ifStill: version)
            return garbage.map { .linked(garbage: $0) } ?? .raced
        }
    }

    /// Takes an insertion back; false: the end of its process has.
    func undo(_ inserted: _Inserted) -> Bool {
        let taken = takeOut {
            // Looked for in the list: its memory is another's if it was ended. One of the same hash is as good.
            var found: [UInt] = []
            unsafe index.forEach(of: inserted.pid) { entry in
                if unsafe entry.word == inserted.word, unsafe entry.head.pointee.hash == inserted.hash {
                    found = [inserted.word]
                }
            }
            return found
        }
        taken.forEach(end)
        return !taken.isEmpty
    }

    /// Takes entries of a process out, at most so many of them.
    ///
    /// - Returns: how many.
    /// - Complexity: O(1) in a unique table, else O(entries of the process).
    func remove(_ key: Key, of pid: UInt64, atMost limit: Int = .max) -> Int {
        if index.isUnique { return removeSole(key, of: pid) }
        let taken = takeOut { Array(own(key, of: pid).prefix(limit)) }
        taken.forEach(end)
        return taken.count
    }

    /// The same where there is at most one.
    private func removeSole(_ key: Key, of pid: UInt64) -> Int {
        let hash = key.hashValue
        var garbage: UInt = 0
        let taken = _ReadSection.run { () -> UInt in
            guard let entry = unsafe first(key, hash), unsafe entry.head.pointee.pid == pid, unsafe index.claim(entry)
            else { return 0 }
            garbage = unsafe index.unlink(entry)
            return unsafe entry.word
        }
        endCells(garbage)
        if taken != 0 { end(taken) }
        return taken == 0 ? 0 : 1
    }

    /// Takes all entries of a process out.
    ///
    /// - Returns: their keys.
    func clean(_ pid: UInt64) -> [Key] {
        index.takeList(of: pid).compactMap { word in
            guard let entry = unsafe Address(word: word) else { return nil }
            endCells(unsafe index.unlink(entry))
            let key = unsafe entry.entry(Key.self, Value.self).pointee.key
            limbo.add(.entry(word))
            return key
        }
    }

    /// Gives an entry of a process another value; of several the oldest that is listed.
    ///
    /// - Parameter change: code of the user; runs once, on no lock and outside of read sections.
    /// - Returns: the new value; nil: there was no entry.
    func update(_ key: Key, of pid: UInt64, _ change: (Value) -> Value) -> Value? {
        let old = _ReadSection.run { () -> Value? in
            own(key, of: pid).first.flatMap { word in
                unsafe Address(word: word)?.entry(Key.self, Value.self).pointee.value
            }
        }
        guard let value = old.map(change) else { return nil }
        let new = unsafe Address(_Entry(hash: key.hashValue, pid: pid, key: key, value: value))
        let (replaced, isListed) = _ReadSection.run { () -> (UInt, Bool) in
            guard let word = own(key, of: pid).first, let old = unsafe Address(word: word),
                unsafe index.exchange(old, for: new)
            else { return (0, false) }
            return unsafe (word, index.claim(old, for: new))
        }
        if isListed {
            limbo.add(.entry(replaced))
            return value
        }
        // The process was cleaned up meanwhile: the old one is ended by who did, the new one is nobody's.
        endCells(unsafe index.unlink(new))
        limbo.add(.entry(unsafe new.word))
        return nil
    }

    /// The keys of a process, in no order.
    func keys(of pid: UInt64) -> [Key] {
        guard _Post.isAlive(pid) else { return [] }
        var keys: [Key] = []
        unsafe index.forEach(of: pid) { entry in unsafe keys.append(entry.entry(Key.self, Value.self).pointee.key) }
        return keys
    }

    // MARK: Parts

    /// The entries of a process under a key.
    ///
    /// In a read section.
    private func own(_ key: Key, of pid: UInt64) -> [UInt] {
        let hash = key.hashValue
        if index.isUnique {
            guard let entry = unsafe first(key, hash), unsafe entry.head.pointee.pid == pid else { return [] }
            return unsafe [entry.word]
        }
        var found: [UInt] = []
        unsafe index.forEach(of: pid) { entry in
            if unsafe entry.head.pointee.hash == hash { unsafe found.append(entry.word) }
        }
        return found.filter { word in unsafe Address(word: word)?.entry(Key.self, Value.self).pointee.key == key }
    }

    /// Takes those of the entries out that nobody else has taken; the caller ends them, outside of read sections.
    private func takeOut(_ find: () -> [UInt]) -> [UInt] {
        var garbage: [UInt] = []
        let taken = _ReadSection.run {
            find().filter { word in
                guard let entry = unsafe Address(word: word), unsafe index.claim(entry) else { return false }
                let cells = unsafe index.unlink(entry)
                if cells != 0 { garbage.append(cells) }
                return true
            }
        }
        garbage.forEach(endCells)
        return taken
    }

    private func end(_ entry: UInt) { limbo.add(.entry(entry)) }

    private func endCells(_ cells: UInt) { if cells != 0 { limbo.add(.cells(cells)) } }
}
