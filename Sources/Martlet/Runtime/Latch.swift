// SPDX-License-Identifier: Apache-2.0
// One thread waits for what others do, and goes on when that is done, not when a process ends. Not a reply slot: that is
// also completed where there is no room to wait, and armed by no process that was killed.

internal import Glibc

/// Opened once; one thread waits.
@safe
final class _Latch: @unchecked Sendable {  // `isOpen` is under the mutex
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var isOpen = false
    /// In a deterministic run, where a thread that waits must say for what.
    private let call: _Call?

    /// The thread that will wait.
    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_cond_init(condition, nil)
        let isRun = Runtime.current.deterministicRun != nil
        call = isRun ? try? _Call.begin(in: Runtime.currentCore, timeout: .max).get() : nil
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Lets the waiting thread go on.
    func open() {
        unsafe pthread_mutex_lock(mutex)
        isOpen = true
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
        call?.grant()
    }

    /// Blocks the thread, with another worker standing in, until it is open; once.
    func wait() {
        if let call {
            call.waitBlocking()
            _ = call.takeOutcome()
        }
        Runtime.blocking {
            unsafe pthread_mutex_lock(mutex)
            while !isOpen { unsafe pthread_cond_wait(condition, mutex) }
            unsafe pthread_mutex_unlock(mutex)
        }
    }
}
