// SPDX-License-Identifier: Apache-2.0
// A lock a key, made when it is wanted and gone when nobody wants it. For code of the user: nothing of the runtime is held
// while it runs. By the key's hash, so that no key is compared under a lock; two keys of one hash share theirs.

internal import Glibc

final class _KeyLocks: Sendable {
    /// One lock; the thread that has it may take it again.
    private struct Lock {
        var owner: pthread_t
        /// How often it has.
        var depth = 1
        /// First come, first served: it is theirs when their latch opens.
        var waiters: [(thread: pthread_t, latch: _Latch)] = []
    }

    private let locks = _Locked<[Int: Lock]>([:])

    /// Runs `body` while no other of that hash runs.
    func with<R, E: Error>(_ hash: Int, _ body: () throws(E) -> R) throws(E) -> R {
        take(hash)
        defer { giveBack(hash) }
        return try body()
    }

    /// Waits for it with another worker standing in.
    private func take(_ hash: Int) {
        let thread = pthread_self()
        if locks.withLock({ Self.take(hash, in: &$0, thread) }) { return }
        let latch = _Latch()
        locks.withLock { locks in
            if Self.take(hash, in: &locks, thread) { return latch.open() }
            locks[hash]?.waiters.append((thread, latch))
        }
        latch.wait()
    }

    /// False: another thread has it.
    private static func take(_ hash: Int, in locks: inout [Int: Lock], _ thread: pthread_t) -> Bool {
        guard let lock = locks[hash] else {
            locks[hash] = Lock(owner: thread)
            return true
        }
        if lock.owner != thread { return false }
        locks[hash]?.depth += 1
        return true
    }

    private func giveBack(_ hash: Int) {
        let next = locks.withLock { locks -> _Latch? in
            guard var lock = locks[hash] else { return nil }
            lock.depth -= 1
            var next: _Latch?
            if lock.depth == 0, !lock.waiters.isEmpty {
                let waiter = lock.waiters.removeFirst()
                (lock.owner, lock.depth, next) = (waiter.thread, 1, waiter.latch)
            }
            locks[hash] = lock.depth == 0 ? nil : lock
            return next
        }
        next?.open()
    }
}
