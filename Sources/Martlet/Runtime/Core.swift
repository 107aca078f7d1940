// SPDX-License-Identifier: Apache-2.0
// One runtime of the C core, as the layers above pass it around. Valid for ever: the core never frees it.

@safe
@usableFromInline
struct _Core: @unchecked Sendable {  // every function of the core that takes it may be called from any thread
    @usableFromInline let pointer: OpaquePointer

    @inlinable @inline(__always)
    init(_ pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }
}
