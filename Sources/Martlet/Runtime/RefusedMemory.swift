// SPDX-License-Identifier: Apache-2.0
// Memory that runs out, for tests.

internal import CMartlet

package enum _RefusedMemory {
    /// From here until ``end()`` the C core gets no memory that it has not got already.
    ///
    /// Of the whole OS process: for a test that has one of its own.
    package static func begin() { mt_alloc_fail_at(1, .max) }

    package static func end() { mt_alloc_fail_at(0, 0) }
}
