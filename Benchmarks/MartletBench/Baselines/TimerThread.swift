// SPDX-License-Identifier: Apache-2.0
// Timers by hand: a thread that sleeps until the first deadline of a binary heap. A cancelled timer leaves a flag
// behind and stays in the heap until its time, as in most such heaps.

import Foundation
import MartletBenchCore

final class TimerThread: TimerTarget, @unchecked Sendable {
    /// One timer.
    ///
    /// `isCancelled` is used only with the condition's lock held.
    final class Entry {
        let deadline: UInt64
        var isCancelled = false

        init(deadline: UInt64) {
            self.deadline = deadline
        }
    }

    // @unchecked: heap and isClosing are used only with the condition's lock held.
    private let condition = NSCondition()
    private var heap: [Entry] = []
    private var isClosing = false
    private let log: LatenessLog
    private let ended = Latch(1)

    init(_ log: LatenessLog) {
        self.log = log
        Clients.start { self.loop() }
    }

    func arm(deadline: UInt64) -> Entry {
        let entry = Entry(deadline: deadline)
        condition.lock()
        insert(entry)
        // Only a new first deadline concerns the sleeper.
        if heap[0] === entry { condition.signal() }
        condition.unlock()
        return entry
    }

    func cancel(_ entry: Entry) {
        condition.lock()
        entry.isCancelled = true
        condition.unlock()
    }

    func settle() {}

    func finish() async {
        close()
        await ended.wait()
    }

    private func close() {
        condition.lock()
        isClosing = true
        condition.signal()
        condition.unlock()
    }

    private func loop() {
        while let deadline = nextDeadline() { log.fired(deadline: deadline) }
        ended.arrive()
    }

    /// Waits for a timer whose time has come and takes it.
    ///
    /// Nil when closing.
    private func nextDeadline() -> UInt64? {
        condition.lock()
        defer { condition.unlock() }
        while !isClosing {
            guard let first = heap.first else {
                condition.wait()
                continue
            }
            let now = MonotonicClock.now()
            if now < first.deadline {
                _ = condition.wait(until: Date(timeIntervalSinceNow: Double(first.deadline - now) / 1e9))
                continue
            }
            removeFirst()
            if !first.isCancelled { return first.deadline }
        }
        return nil
    }

    private func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent].deadline <= heap[child].deadline { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in (parent * 2 + 1)..<(parent * 2 + 3) where child < heap.count {
                if heap[child].deadline < heap[least].deadline { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
