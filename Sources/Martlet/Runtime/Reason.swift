// SPDX-License-Identifier: Apache-2.0
// Exit reasons as the core carries them: opaque counted objects. What is inside is the business of the layers above.

internal import CMartlet

/// Why a process ended, as one pointer.
@usableFromInline
package final class _Reason: Sendable {
    /// What the core itself has to say, where no layer above put a value.
    enum Builtin: Sendable {
        case normal
        case killed
        case noProcess
    }

    @usableFromInline let value: any Sendable

    @usableFromInline
    init(_ value: any Sendable) { self.value = value }

    /// The one object for it: the core tells it by its address.
    @usableFromInline static let normal = _Reason(Builtin.normal)
    static let killed = _Reason(Builtin.killed)
    static let noProcess = _Reason(Builtin.noProcess)

    /// Whether two reasons of one word are the same: the same case, and the very same value if it has one.
    static func isSameWord<T>(_ one: T, _ other: T) -> Bool {
        precondition(MemoryLayout<T>.size == MemoryLayout<UInt>.size, "expected a reason of one word")
        return unsafe unsafeBitCast(one, to: UInt.self) == unsafeBitCast(other, to: UInt.self)
    }

    /// Hands a counted reference to the core, which releases it.
    func passRetained() -> UnsafeMutableRawPointer { unsafe Unmanaged.passRetained(self).toOpaque() }

    /// Lends the reference to the core, which retains what it keeps.
    var borrowed: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }

    /// Takes over a counted reference from the core.
    static func takeRetained(_ pointer: UnsafeMutableRawPointer) -> _Reason {
        unsafe Unmanaged<_Reason>.fromOpaque(pointer).takeRetainedValue()
    }

    /// Looks at a reference that stays the core's.
    static func takeUnretained(_ pointer: UnsafeMutableRawPointer) -> _Reason {
        unsafe Unmanaged<_Reason>.fromOpaque(pointer).takeUnretainedValue()
    }
}
