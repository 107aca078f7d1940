// SPDX-License-Identifier: Apache-2.0
// Read sections, and what waits for them to end: the Swift side of grace.h. For tables that many read and few change.

public import CMartlet
internal import Glibc
internal import Synchronization

/// Looking at what others may remove at this moment, without a lock.
@usableFromInline
enum _ReadSection {
    /// Runs `body`; what it finds through words of a table stays there until it returns.
    ///
    /// Sections nest. `body` may run code of the user that ends by itself, as `==` does: a section that lasts delays the
    /// end of what was removed meanwhile, and nobody waits for it.
    @inlinable @inline(__always)
    static func run<R>(_ body: () -> R) -> R {
        let outer = mt_grace_enter()
        defer { mt_grace_leave(outer) }
        return body()
    }
}

/// What was taken out of a table, until no reader can still be looking at it.
///
/// Ends items outside of its lock, on the thread that adds or sweeps: ending them runs code of the user.
@safe
final class _Limbo<Item>: @unchecked Sendable {  // items are owned by the limbo, then by who ends them
    private let items = _Locked<[(ticket: UInt64, item: Item)]>([])
    /// How many there are, for who asks without the lock.
    private let count = Atomic(0)
    private let end: @Sendable (Item) -> Void

    init(end: @escaping @Sendable (Item) -> Void) { self.end = end }

    // Its table goes, so nobody can read any more.
    deinit {
        for (_, item) in items.withLock({ $0 }) { end(item) }
    }

    /// Takes an item that no word leads to any more, and ends it at once where nobody reads.
    ///
    /// Not inside a read section, which the item would wait for. Most of the time there is no reader, and no lock is
    /// taken.
    func add(_ item: Item) {
        let ticket = mt_grace_retire()
        if ticket < mt_grace_oldest() { return end(item) }
        items.withLock { items in
            items.append((ticket, item))
            count.store(items.count, ordering: .releasing)
        }
        sweep()
    }

    /// Ends what no reader holds back.
    func sweep() {
        let ended = items.withLock { items -> [Item] in
            let oldest = mt_grace_oldest()
            let ended = items.filter { $0.ticket < oldest }.map(\.item)
            if !ended.isEmpty { items.removeAll { $0.ticket < oldest } }
            count.store(items.count, ordering: .releasing)
            return ended
        }
        ended.forEach(end)
    }

    /// Lets readers leave who are inside now, so that nothing of the limbo waits; not for ever.
    ///
    /// For the end of a table, after which nobody sweeps. A reader is inside for some hundred nanoseconds unless it was
    /// preempted; one that is stuck keeps what it holds back.
    func settle() {
        for _ in 0..<Self.yieldsMax where !isEmpty {
            sched_yield()
            sweep()
        }
    }

    /// A millisecond or so where nothing else runs, a turn of everybody where the machine is busy.
    private static var yieldsMax: Int { 1_000 }

    /// Whether something waits.
    var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }
}
