// SPDX-License-Identifier: Apache-2.0
// One object a runtime, for constants of the program that mean something else in each: registries, as names do. Few
// runtimes, read all the time, changed at starts and ends.

internal import CMartlet
public import Synchronization

/// One runtime's; holds its object.
@unsafe
@usableFromInline
struct _RuntimeLocalNode {
    @usableFromInline let core: UInt
    @usableFromInline let object: UnsafeRawPointer
    /// The next node, 0: none.
    @usableFromInline let next: UInt
}

@safe
@usableFromInline
final class _RuntimeLocal<Object: AnyObject & Sendable>: @unchecked Sendable {  // nodes are constant
    @usableFromInline typealias Node = _RuntimeLocalNode

    @usableFromInline let first = Atomic<UInt>(0)
    /// One change at a time; counts them.
    ///
    /// Not a lock over nothing: to ThreadSanitizer that writes the object's header.
    private let changes = _Locked<UInt>(0)
    let limbo = _Limbo<UInt>(end: _RuntimeLocal<Object>.end)

    deinit { Self.words(from: first.load(ordering: .relaxed)).forEach(Self.end) }

    /// Calls `body` in a read section with the object of the current runtime, without counting references; nil: none.
    @inlinable @inline(__always)
    func read<R>(_ body: (Object) -> R) -> R? {
        let core = unsafe UInt(bitPattern: Runtime.currentCore.pointer)
        return _ReadSection.run {
            var word = first.load(ordering: .sequentiallyConsistent)
            while let node = unsafe UnsafePointer<Node>(bitPattern: word) {
                if unsafe node.pointee.core == core {
                    return unsafe Unmanaged<Object>.fromOpaque(node.pointee.object)._withUnsafeGuaranteedRef(body)
                }
                word = unsafe node.pointee.next
            }
            return nil
        }
    }

    /// The object of the current runtime, to be kept for longer than a look.
    var current: Object? {
        let core = unsafe UInt(bitPattern: Runtime.currentCore.pointer)
        return _ReadSection.run {
            var word = first.load(ordering: .sequentiallyConsistent)
            while let node = unsafe UnsafePointer<Node>(bitPattern: word) {
                if unsafe node.pointee.core == core { return unsafe Self.object(node).takeUnretainedValue() }
                word = unsafe node.pointee.next
            }
            return nil
        }
    }

    @unsafe
    private static func object(_ node: UnsafePointer<Node>) -> Unmanaged<Object> {
        unsafe Unmanaged<Object>.fromOpaque(node.pointee.object)
    }

    /// Sets the object of the current runtime.
    ///
    /// - Parameter make: what to set in place of an object; runs no code of the user. It has the list to itself.
    /// - Returns: what `make` returned.
    func change<R>(_ make: (Object?) -> (set: Object?, result: R)) -> R {
        let core = unsafe UInt(bitPattern: Runtime.currentCore.pointer)
        let (result, garbage) = changes.withLock { changes -> (R, [UInt]) in
            changes &+= 1
            let old = Self.words(from: first.load(ordering: .relaxed))
            let objects = old.compactMap { word -> (UInt, Object)? in
                guard let node = unsafe UnsafePointer<Node>(bitPattern: word) else { return nil }
                return unsafe (node.pointee.core, Self.object(node).takeUnretainedValue())
            }
            let (set, result) = make(objects.first { $0.0 == core }?.1)
            var next: UInt = 0
            for (other, object) in objects.reversed() where other != core && Self.runs(other) {
                next = Self.node(other, object, next)
            }
            if let set { next = Self.node(core, set, next) }
            first.store(next, ordering: .sequentiallyConsistent)
            return (result, old)
        }
        garbage.forEach(limbo.add)
        return result
    }

    /// False once a runtime has ended: its object goes at the next change.
    private static func runs(_ core: UInt) -> Bool {
        guard let core = unsafe OpaquePointer(bitPattern: core) else { return false }
        return unsafe mt_runtime_context(core) != nil
    }

    private static func node(_ core: UInt, _ object: Object, _ next: UInt) -> UInt {
        let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
        let object = unsafe UnsafeRawPointer(Unmanaged.passRetained(object).toOpaque())
        unsafe node.initialize(to: Node(core: core, object: object, next: next))
        return UInt(bitPattern: node)
    }

    private static func words(from first: UInt) -> [UInt] {
        var words: [UInt] = []
        var word = first
        while let node = unsafe UnsafePointer<Node>(bitPattern: word) {
            words.append(word)
            word = unsafe node.pointee.next
        }
        return words
    }

    @Sendable
    private static func end(_ word: UInt) {
        guard let node = unsafe UnsafeMutablePointer<Node>(bitPattern: word) else { return }
        unsafe object(UnsafePointer(node)).release()
        unsafe node.deallocate()
    }
}

/// Reads the objects of a list without counting references to that: readers on several cores would fight for its count.
///
/// For who holds the list.
@safe
@usableFromInline
struct _RuntimeLocalReader<Object: AnyObject & Sendable>: Sendable {
    @usableFromInline let local: Unmanaged<_RuntimeLocal<Object>>

    init(_ local: _RuntimeLocal<Object>) { unsafe self.local = unsafe .passUnretained(local) }

    /// As of the list.
    @inlinable @inline(__always)
    func read<R>(_ body: (Object) -> R) -> R? { unsafe local._withUnsafeGuaranteedRef { $0.read(body) } }
}
