// SPDX-License-Identifier: Apache-2.0
// A queue in a ring of memory that doubles: the mailbox of the hand-written baselines. Not thread-safe.
//
//      storage   [ c d . . . . a b ]     first = 6, count = 4
//
// Invariant: `storage.count` is a power of two, `count <= storage.count`, and exactly the `count` slots from `first`
// on, wrapping around, are set. Inlinable so that a baseline in another module is not slowed by its tool.

/// First in, first out; amortised O(1) at both ends.
package struct FIFO<Element> {
    @usableFromInline var storage: [Element?]
    @usableFromInline var first = 0
    /// How many elements wait.
    package var count = 0

    @inlinable
    package init() {
        storage = Array(repeating: nil, count: 16)
    }

    @inlinable
    package var isEmpty: Bool { count == 0 }

    @inlinable
    package mutating func append(_ element: Element) {
        if count == storage.count { grow() }
        storage[(first &+ count) & (storage.count &- 1)] = element
        count &+= 1
    }

    /// The oldest element, removed; nil when there is none.
    @inlinable
    package mutating func popFirst() -> Element? {
        if count == 0 { return nil }
        let element = storage[first].take()
        first = (first &+ 1) & (storage.count &- 1)
        count &-= 1
        return element
    }

    @usableFromInline
    mutating func grow() {
        var larger: [Element?] = []
        larger.reserveCapacity(storage.count * 2)
        for offset in 0..<count { larger.append(storage[(first + offset) & (storage.count - 1)]) }
        larger += Array(repeating: nil, count: storage.count * 2 - count)
        storage = larger
        first = 0
    }
}
