// SPDX-License-Identifier: Apache-2.0
// The cells of one partition of an EntryTable: words in a row, their mask in front, a power of two of them, never full.

public import Synchronization

@safe
@usableFromInline
struct _Cells {
    @usableFromInline static let empty: UInt = 0
    @usableFromInline static let gone: UInt = 1
    /// A cache line with the mask.
    static let capacityMin = 8
    /// From here on cells are given back when few are used.
    static let capacityKept = 64

    /// The first is the mask, constant.
    @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt>>

    @inlinable
    init(word: UInt) {
        guard let words = unsafe UnsafeMutablePointer<Atomic<UInt>>(bitPattern: word) else {
            preconditionFailure("expected the cells of a partition, got none")
        }
        unsafe self.words = unsafe words
    }

    static func make(_ capacity: Int) -> _Cells {
        let words = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: capacity + 1)
        unsafe words.initialize(to: Atomic(UInt(capacity - 1)))
        for index in 1...capacity { unsafe (words + index).initialize(to: Atomic(empty)) }
        return _Cells(word: UInt(bitPattern: words))
    }

    var word: UInt { unsafe UInt(bitPattern: words) }
    @inlinable var mask: UInt { unsafe words.pointee.load(ordering: .relaxed) }
    var capacity: Int { Int(mask) + 1 }

    @inlinable
    subscript(index: UInt) -> Atomic<UInt> {
        @inline(__always)
        unsafeAddress { unsafe UnsafePointer(words + Int(bitPattern: index) + 1) }
    }

    /// Nobody reads them any more.
    func end() {
        let count = capacity + 1
        unsafe words.deinitialize(count: count)
        unsafe words.deallocate()
    }
}

/// What only writers of a partition look at.
struct _PartitionBooks {
    /// Cells that are not empty, those of gone ones included.
    var used = 0
    /// Cells with an entry.
    var keys = 0
    /// Entries in all rings.
    var entries = 0
}
