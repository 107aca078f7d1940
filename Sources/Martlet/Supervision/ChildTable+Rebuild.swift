// SPDX-License-Identifier: Apache-2.0
// Restarting several together, and bringing single children down.

extension ChildTable {
    /// Starts a child again, and those that restart with it.
    mutating func restart(_ key: Int) {
        let floor: Int
        switch strategy {
        case .oneForOne: return begin(key)
        case .oneForAll: floor = .min
        case .restForOne: floor = key
        }
        // Going up, what lies between the old floor and this one is up, and none of its business (`rest_for_one`).
        rebuild = Rebuild(floor: rebuild.map { $0.isStopping ? min(floor, $0.floor) : floor } ?? floor)
        advance()
    }

    /// Tells a child to end, or withdraws its start; what it is then is told later, unless it is down at once.
    mutating func bringDown(_ key: Int) {
        guard let child = children[key] else { return }
        switch child.state {
        case .down, .stopping: return
        case .waiting: children[key]?.state = .down
        case .starting(let isCancelled):
            children[key]?.state = .starting(isCancelled: true)
            if !isCancelled { act(.cancelStart(key: key)) }
        case .running(let pid):
            children[key]?.state = .stopping(pid)
            act(.stop(pid, child.spec))
        }
        // What is brought down does not come back. One that has not been up yet still comes with the others.
        if child.spec.restart == .temporary { children[key]?.isWanted = false }
    }

    /// A child that was brought down is down.
    mutating func isDown(_ key: Int) {
        guard let child = children[key] else { return }
        children[key]?.state = .down
        answer(child.stopWaiters, .stopped)
        children[key]?.stopWaiters = []
        // One that a rebuild brought down comes up with the others: who waits for it waits on.
        if !child.isWanted {
            answer(child.startWaiters, .failed(.exited(.shutdown)))
            children[key]?.startWaiters = []
        }
        if !child.isWanted, forgets || child.spec.restart == .temporary { forget(key) }
        advance()
    }

    /// Goes on with a rebuild as far as it goes: one child down, or one child up, at a time.
    ///
    /// - Complexity: over a whole rebuild O(n) steps, each O(log n).
    mutating func advance() {
        guard let rebuild, !isOver else { return }
        if rebuild.isStopping, !goDown(rebuild) { return }
        goUp()
    }

    /// False: it waits for one to be down.
    private mutating func goDown(_ rebuild: Rebuild) -> Bool {
        let first = lowerBound(rebuild.floor)
        var index = rebuild.cursor == .max ? order.count : lowerBound(rebuild.cursor + 1)
        while index > first {
            index -= 1
            let key = order[index]
            self.rebuild?.cursor = key
            bringDown(key)
            if let child = children[key], !child.isDown { return false }
        }
        self.rebuild = Rebuild(floor: rebuild.floor, isStopping: false, cursor: rebuild.floor)
        return true
    }

    private mutating func goUp() {
        guard let rebuild else { return }
        for key in order[lowerBound(rebuild.cursor)...] {
            guard let child = children[key] else { continue }
            self.rebuild?.cursor = key
            switch child.state {
            case .starting, .waiting, .stopping: return
            case .down where child.isWanted: return begin(key)
            case .down, .running: continue
            }
        }
        self.rebuild = nil
    }
}
