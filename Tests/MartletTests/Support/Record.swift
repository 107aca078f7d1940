// SPDX-License-Identifier: Apache-2.0
// What handlers leave behind for the test: notes in order, and values whose ends are counted.

import Synchronization

@testable import Martlet

/// Notes of several threads, in order.
final class Record<Note: Sendable>: Sendable {
    private let notes = _Locked<[Note]>([])

    init(_: Note.Type = String.self) {}

    func add(_ note: Note) { notes.withLock { $0.append(note) } }
    var all: [Note] { notes.withLock { $0 } }
    var count: Int { notes.withLock { $0.count } }
}

/// Counts values that live.
final class Census: Sendable {
    private let living = Atomic(0)
    private let made = Atomic(0)

    var alive: Int { living.load(ordering: .acquiring) }
    var total: Int { made.load(ordering: .acquiring) }

    fileprivate func begin() {
        living.add(1, ordering: .acquiringAndReleasing)
        made.add(1, ordering: .acquiringAndReleasing)
    }
    fileprivate func end() { living.subtract(1, ordering: .acquiringAndReleasing) }
}

/// A value that lives from its `init` to its `deinit`.
final class Tracked: Sendable {
    let census: Census
    init(_ census: Census) {
        self.census = census
        census.begin()
    }
    deinit { census.end() }
}

/// The same without reference counting: it can be a server's state.
struct TrackedResource: ~Copyable {
    let census: Census
    init(_ census: Census) {
        self.census = census
        census.begin()
    }
    deinit { census.end() }
}

/// An error of the tests.
struct Failure: Error, Equatable {
    let code: Int
    init(_ code: Int = 1) { self.code = code }
}
