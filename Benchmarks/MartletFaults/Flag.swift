// SPDX-License-Identifier: Apache-2.0
// A word that handlers spin or sleep on, and counters that outlive their server.

import Foundation
import Synchronization

/// Up or down, from any thread.
public final class Flag: Sendable {
    private let word = Atomic(false)

    /// Down.
    public init() {}

    /// Whether it is up.
    public var isUp: Bool { word.load(ordering: .acquiring) }
    /// Pulls it up.
    public func raise() { word.store(true, ordering: .releasing) }

    /// Sleeps, holding the thread, until it is up.
    ///
    /// What a badly behaved handler does: the runtime is told nothing.
    public func sleepUntilUp() { while !isUp { usleep(1_000) } }
    /// Computes, holding the thread, until it is up.
    public func spinUntilUp() { while !isUp {} }
    /// Waits as a task.
    public func waitUntilUp() async { await onOwnThread { self.sleepUntilUp() } }
}

/// Counts, from any thread.
public final class Tally: Sendable {
    private let word = Atomic(0)

    /// At zero.
    public init() {}

    /// How many so far.
    public var count: Int { word.load(ordering: .acquiring) }
    /// So many more.
    public func add(_ count: Int = 1) { word.add(count, ordering: .acquiringAndReleasing) }

    /// Waits as a task until there are at least so many; false: not within a minute.
    public func reaches(_ count: Int) async -> Bool {
        await onOwnThread {
            let deadline = monotonicNow() + 60_000_000_000
            while self.count < count {
                guard monotonicNow() < deadline else { return false }
                usleep(500)
            }
            return true
        }
    }
}

/// Runs `body`, which may sleep, on a thread of its own.
///
/// Not Task.sleep: it hangs where Swift's own pool can have no descriptor, and under faketime.
public func onOwnThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
