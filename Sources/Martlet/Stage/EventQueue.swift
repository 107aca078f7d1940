// SPDX-License-Identifier: Apache-2.0
// Events in order, in arrays that are handed on whole where that is possible.

/// Events that wait, oldest first.
struct EventQueue<Event> {
    private var storage: [Event] = []
    private var head = 0

    var count: Int { storage.count - head }

    /// Takes an empty queue's array over, without a copy.
    mutating func append(_ events: consuming [Event]) {
        if head == storage.count {
            storage = events
            head = 0
        } else {
            storage.append(contentsOf: events)
        }
    }

    mutating func append(_ event: consuming Event) { storage.append(event) }

    var first: Event? { head < storage.count ? storage[head] : nil }

    mutating func removeFirst() {
        head += 1
        compact()
    }

    /// The oldest `count`, of which there are so many.
    ///
    /// - Complexity: O(1) for all of them, else amortised O(count).
    mutating func take(_ count: Int) -> [Event] {
        if head == 0, count == storage.count {
            let all = storage
            storage = []
            return all
        }
        let taken = Array(storage[head..<head + count])
        head += count
        compact()
        return taken
    }

    /// Drops what is over the capacity; how many.
    mutating func trim(to buffer: StageBuffer) -> Int {
        let excess = count - buffer.capacity
        guard excess > 0 else { return 0 }
        if buffer.keepsNewest {
            head += excess
            compact()
        } else {
            storage.removeLast(excess)
        }
        return excess
    }

    /// Ends events that were taken, once they are half of it.
    private mutating func compact() {
        guard head * 2 >= storage.count else { return }
        storage.removeSubrange(0..<head)
        head = 0
    }
}
