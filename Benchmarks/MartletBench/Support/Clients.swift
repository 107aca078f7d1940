// SPDX-License-Identifier: Apache-2.0
// Those who ask: a number of threads, or of tasks, that do the same thing at the same time and are timed together.

import Foundation
import MartletBenchCore
import Synchronization

/// What clients returned, and the time from the first one's start to the last one's end.
struct Finished<Value: Sendable>: Sendable {
    var values: [Value]
    var start: UInt64
    var end: UInt64

    var nanoseconds: UInt64 { end - start }
}

enum Clients {
    /// Enough for the loops here; the default of 8 MiB times a thousand threads is a lot of address space.
    static let threadStackBytes = 256 * 1024

    /// Runs `body` on threads that start together.
    ///
    /// The clock starts when all of them exist.
    static func threads<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
    ) async throws -> Finished<Value> {
        let ready = Latch(count)
        let done = Latch(count)
        let line = StartLine()
        let results = Results<Value>()
        for index in 0..<count {
            start {
                ready.arrive()
                line.wait()
                results.add(Result { try body(index) })
                done.arrive()
            }
        }
        await ready.wait()
        let start = MonotonicClock.now()
        line.open()
        let end = await done.wait()
        return Finished(values: try results.all.map { try $0.get() }, start: start, end: end)
    }

    /// Runs `body` in tasks.
    ///
    /// They run where `executor` says, on the default pool without one.
    static func tasks<Value: Sendable>(
        _ count: Int, on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> Finished<Value> {
        let start = MonotonicClock.now()
        return try await withThrowingTaskGroup(of: (Value, UInt64).self) { group in
            for index in 0..<count {
                // A preference of nil still makes each switch look for one under a lock: 400 ns a call instead of 100.
                if let executor {
                    group.addTask(executorPreference: executor) { (try await body(index), MonotonicClock.now()) }
                } else {
                    group.addTask { (try await body(index), MonotonicClock.now()) }
                }
            }
            var finished = Finished<Value>(values: [], start: start, end: start)
            for try await (value, end) in group {
                finished.values.append(value)
                finished.end = max(finished.end, end)
            }
            return finished
        }
    }

    /// Starts a thread with a small stack.
    static func start(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = threadStackBytes
        thread.start()
    }
}

/// Where threads wait for each other before they run.
private final class StartLine: @unchecked Sendable {
    // @unchecked: `isOpen` is read and written only with the condition's lock held.
    private let condition = NSCondition()
    private var isOpen = false

    func open() {
        condition.lock()
        isOpen = true
        condition.broadcast()
        condition.unlock()
    }

    func wait() {
        condition.lock()
        while !isOpen { condition.wait() }
        condition.unlock()
    }
}

/// What threads returned or threw.
private final class Results<Value: Sendable>: Sendable {
    private let values = Mutex<[Result<Value, any Error>]>([])

    func add(_ result: Result<Value, any Error>) {
        values.withLock { $0.append(result) }
    }

    var all: [Result<Value, any Error>] { values.withLock { $0 } }
}
