// SPDX-License-Identifier: Apache-2.0
// Restarting several together, and bringing single children down.

extension ChildTable {
    /// Starts a child again, and those that restart with it.
    mutating func restart(_ child: SupervisedChild) {
        let floor: Int
        switch strategy {
        case .oneForOne: return begin(child)
        case .oneForAll: floor = .min
        case .restForOne: floor = child.key
        }
        // Going up, what lies between the old floor and this one is up, and none of its business (`rest_for_one`).
        rebuild = Rebuild(floor: rebuild.map { $0.isStopping ? min(floor, $0.floor) : floor } ?? floor)
        advance()
    }

    /// Tells a child to end, or withdraws its start; what it is then is told later, unless it is down at once.
    mutating func bringDown(_ child: SupervisedChild) {
        switch child.state {
        case .down, .stopping: return
        case .waiting: child.state = .down
        case .starting(let isCancelled):
            child.state = .starting(isCancelled: true)
            if !isCancelled { act(.cancelStart(child)) }
        case .running(let pid):
            child.state = .stopping(pid)
            act(.stop(pid, child))
        }
        // What is brought down does not come back. One that has not been up yet still comes with the others.
        if child.spec.restart == .temporary { child.isWanted = false }
    }

    /// A child that was brought down is down.
    mutating func isDown(_ child: SupervisedChild) {
        child.state = .down
        for waiter in child.stopWaiters { act(.answer(waiter: waiter, .stopped)) }
        child.stopWaiters = []
        // One that a rebuild brought down comes up with the others: who waits for it waits on.
        if !child.isWanted {
            answerStart(child, .failed(.exited(.shutdown)))
            if forgets || child.spec.restart == .temporary { book.forget(child) }
        }
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
        let first = book.lowerBound(rebuild.floor)
        var index = rebuild.cursor == .max ? book.order.count : book.lowerBound(rebuild.cursor + 1)
        while index > first {
            index -= 1
            let child = book.order[index]
            self.rebuild?.cursor = child.key
            bringDown(child)
            if !child.isDown { return false }
        }
        self.rebuild = Rebuild(floor: rebuild.floor, isStopping: false, cursor: rebuild.floor)
        return true
    }

    private mutating func goUp() {
        guard let rebuild else { return }
        for child in book.order[book.lowerBound(rebuild.cursor)...] {
            self.rebuild?.cursor = child.key
            switch child.state {
            case .starting, .waiting, .stopping: return
            case .down where child.isWanted: return begin(child)
            case .down, .running: continue
            }
        }
        self.rebuild = nil
    }
}
