// SPDX-License-Identifier: Apache-2.0
// Memory of the C core: how much it holds, and, for tests, what happens when it gets none.

internal import CMartlet

package enum _CoreMemory {
    /// Bytes of message nodes, process slots, reply slots and timers, in use or kept for the next use.
    ///
    /// It is as high as the highest load so far, up to the limits of the pools, and is not given back below them.
    package static var residentBytes: Int { Int(mt_memory_resident_bytes()) }

    /// Bytes that malloc has given out in this OS process and not got back: a leak raises it, fragmentation does not.
    package static var heapBytes: Int { Int(mt_memory_heap_bytes()) }

    /// From here until ``endRefusing()`` the core gets no memory that it has not got already.
    ///
    /// Of the whole OS process: for a test that has one of its own.
    package static func beginRefusing() { mt_alloc_fail_at(1, .max) }

    package static func endRefusing() { mt_alloc_fail_at(0, 0) }
}
