// SPDX-License-Identifier: Apache-2.0
// A lock a key, made when it is wanted and gone when nobody wants it. For code of the user: nothing of the runtime is held
// while it runs. By the key's hash, so that no key is compared under a lock; two keys of one hash share theirs.

internal import Glibc

final class _KeyLocks: Sendable {
    /// One lock; the same thread may take it again.
    @safe
    private final class Lock: @unchecked Sendable {  // `users` is guarded by the table's lock
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        var users = 0

        init() {
            unsafe mutex = .allocate(capacity: 1)
            unsafe mutex.initialize(to: pthread_mutex_t())
            var attributes = pthread_mutexattr_t()
            unsafe pthread_mutexattr_init(&attributes)
            unsafe pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
            unsafe pthread_mutex_init(mutex, &attributes)
            unsafe pthread_mutexattr_destroy(&attributes)
        }

        deinit {
            unsafe pthread_mutex_destroy(mutex)
            unsafe mutex.deallocate()
        }

        /// Waits for it with another worker standing in.
        func take() {
            if unsafe pthread_mutex_trylock(mutex) == 0 { return }
            Runtime.blocking { _ = unsafe pthread_mutex_lock(mutex) }
        }

        func giveBack() { unsafe pthread_mutex_unlock(mutex) }
    }

    private let locks = _Locked<[Int: Lock]>([:])

    /// Runs `body` while no other of that hash runs.
    func with<R, E: Error>(_ hash: Int, _ body: () throws(E) -> R) throws(E) -> R {
        let lock = locks.withLock { locks in
            let lock = locks[hash] ?? Lock()
            locks[hash] = lock
            lock.users += 1
            return lock
        }
        lock.take()
        defer {
            lock.giveBack()
            locks.withLock { locks in
                lock.users -= 1
                if lock.users == 0 { locks[hash] = nil }
            }
        }
        return try body()
    }
}
