// SPDX-License-Identifier: Apache-2.0
// A value behind a mutex, for cold paths. Not Synchronization.Mutex: ThreadSanitizer does not see a contended one taken,
// and then reports what it guards.

internal import Glibc

@safe
package final class _Locked<Value>: @unchecked Sendable {  // all access to `value` is under the mutex
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the value; it must not wait, nor run code of the user.
    package func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
