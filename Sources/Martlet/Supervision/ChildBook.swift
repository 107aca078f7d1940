// SPDX-License-Identifier: Apache-2.0
// The children of one supervisor: found by id, by process and by attempt, in start order where that matters.

/// The members of a ChildTable.
struct ChildBook: ~Copyable {
    /// Whether they have ids and an order; otherwise they are found by process alone.
    let isOrdered: Bool
    /// In start order.
    private(set) var order: [SupervisedChild] = []
    private var byID: [ChildID: SupervisedChild] = [:]
    /// By the process each has or had last.
    private var byPid: [Pid: SupervisedChild] = [:]
    /// Each at its place, which is another's when it is forgotten.
    private var places: [SupervisedChild?] = []
    private var freePlaces: [Int] = []
    private var lastKey = 0

    init(isOrdered: Bool) { self.isOrdered = isOrdered }

    /// So many are about to be entered.
    mutating func reserve(_ count: Int) {
        places.reserveCapacity(count)
        byPid.reserveCapacity(count)
        guard isOrdered else { return }
        order.reserveCapacity(count)
        byID.reserveCapacity(count)
    }

    /// Enters a child, down; nil: its id is taken.
    mutating func enter(_ spec: ChildSpec) -> SupervisedChild? {
        let place = freePlaces.last ?? places.count
        let child = SupervisedChild(key: lastKey + 1, place: place, spec: spec)
        if isOrdered {
            if let holder = byID.updateValue(child, forKey: spec.id) {
                byID[spec.id] = holder
                return nil
            }
            order.append(child)
        }
        lastKey += 1
        if freePlaces.popLast() != nil { places[place] = child } else { places.append(child) }
        return child
    }

    mutating func forget(_ child: SupervisedChild) {
        guard places[child.place] === child else { return }
        places[child.place] = nil
        freePlaces.append(child.place)
        if let pid = child.lastPid { part(child, from: pid) }
        guard isOrdered else { return }
        byID[child.spec.id] = nil
        order.remove(at: lowerBound(child.key))
    }

    /// From now on that is its process.
    mutating func note(_ child: SupervisedChild, has pid: Pid) {
        if child.lastPid == pid { return }
        if let last = child.lastPid { part(child, from: last) }
        child.lastPid = pid
        byPid[pid] = child
    }

    /// A start may have returned the process that another child had before.
    private mutating func part(_ child: SupervisedChild, from pid: Pid) {
        if let other = byPid.removeValue(forKey: pid), other !== child { byPid[pid] = other }
    }

    var count: Int { places.count - freePlaces.count }

    /// In no order.
    var members: some Sequence<SupervisedChild> { places.lazy.compactMap { $0 } }

    /// In start order.
    ///
    /// - Complexity: O(1), or O(n log n) where no order is kept.
    var ordered: [SupervisedChild] { isOrdered ? order : members.sorted { $0.key < $1.key } }

    func child(_ id: ChildID) -> SupervisedChild? { byID[id] }

    /// The child whose process that is, or was before the one that is being started.
    func child(of pid: Pid) -> SupervisedChild? { byPid[pid] }

    /// The child that is being started so, or waits to be.
    func child(in attempt: StartAttempt) -> SupervisedChild? {
        guard let child = places[attempt.place], child.attempt == attempt else { return nil }
        return child
    }

    /// The index of the first in start order whose key is not below `key`.
    func lowerBound(_ key: Int) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
