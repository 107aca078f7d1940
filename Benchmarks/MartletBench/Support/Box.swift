// SPDX-License-Identifier: Apache-2.0
// A variable that several places may reach.

import Synchronization

/// A value behind a mutex.
final class Box<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) {
        storage = Mutex(value)
    }

    var value: Value {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }
}
