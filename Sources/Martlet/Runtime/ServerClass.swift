// SPDX-License-Identifier: Apache-2.0
// What runs the processes of one type: the core's class with a specialised Swift closure behind it. One for each type,
// made at its first start, kept for ever.

public import CMartlet
internal import Glibc
public import Synchronization

/// The engine of one type of process.
@usableFromInline
@safe
final class _ProcessClass: Sendable {
    /// The loop over the messages, specialised where the type is known.
    @usableFromInline let run: @Sendable (_Slice) -> _Run
    /// Shown in reports: the type's name.
    @usableFromInline let name: String
    /// Whether its state is a value of the type itself, not of an engine around one.
    let runsItself: Bool
    /// What the core holds; never freed.
    @usableFromInline nonisolated(unsafe) let core: UnsafeMutablePointer<mt_class_t>

    @usableFromInline
    init(
        _ traits: _ClassTraits, typeID: UnsafeRawPointer?, isServer: Bool = false,
        run: @escaping @Sendable (_Slice) -> _Run
    ) {
        self.run = run
        name = traits.name
        runsItself = traits.runsItself
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(to: mt_class_t())
        unsafe core.pointee.type_id = unsafe typeID
        unsafe core.pointee.is_server = isServer
        unsafe traits.describe(to: core)
        unsafe core.pointee.run = { context, slice in
            guard let context = unsafe context, let slice = unsafe slice else { return .left }
            let run = unsafe Unmanaged<_ProcessClass>.fromOpaque(context)._withUnsafeGuaranteedRef {
                unsafe $0.run(_Slice(slice))
            }
            switch run {
            case .left: return .left
            case .abandoned: return .abandoned
            case .exited: return .exited
            }
        }
        unsafe core.pointee.context = unsafe Unmanaged.passRetained(self).toOpaque()
    }

    private static let table = _Locked<[UInt: _ProcessClass]>([:])

    /// The class of a type, made from its traits and an engine at its first use.
    ///
    /// - Parameter isServer: the engine takes what a caller's thread left for it (`takePending`).
    @inlinable
    static func of<T: ~Copyable>(
        _: T.Type, isServer: Bool = false, make: () -> (traits: _ClassTraits, run: @Sendable (_Slice) -> _Run)
    ) -> _ProcessClass {
        let typeID = unsafe unsafeBitCast(T.self, to: UInt.self)
        // Most starts are of the type that was started last; classes live for ever, so a stale word is harmless.
        let recent = unsafe UnsafeRawPointer(bitPattern: recent.load(ordering: .acquiring))
        if let recent = unsafe recent {
            let found = unsafe Unmanaged<_ProcessClass>.fromOpaque(recent).takeUnretainedValue()
            if found.runs(T.self) { return found }
        }
        let found = inTable(typeID, isServer, make)
        Self.recent.store(UInt(bitPattern: unsafe Unmanaged.passUnretained(found).toOpaque()), ordering: .releasing)
        return found
    }

    @usableFromInline static let recent = Atomic<UInt>(0)

    @usableFromInline
    static func inTable(
        _ typeID: UInt, _ isServer: Bool, _ make: () -> (traits: _ClassTraits, run: @Sendable (_Slice) -> _Run)
    ) -> _ProcessClass {
        if let found = table.withLock({ $0[typeID] }) { return found }
        // Outside the lock: `make` runs the behaviour's code. Two threads may both make one; the first stays.
        let (traits, run) = make()
        return table.withLock { table in
            if let found = table[typeID] { return found }
            let made = unsafe _ProcessClass(
                traits, typeID: UnsafeRawPointer(bitPattern: typeID), isServer: isServer, run: run)
            table[typeID] = made
            return made
        }
    }

    /// Whether this class runs processes of a type.
    @inlinable
    func runs<T: ~Copyable>(_: T.Type) -> Bool {
        unsafe core.pointee.type_id == unsafeBitCast(T.self, to: UnsafeRawPointer.self)
    }

    /// The class of a live process, nil if it has ended.
    ///
    /// A hint for reports and for typed references.
    static func of(pid: UInt64) -> _ProcessClass? {
        guard let core = unsafe mt_pid_class(pid), let context = unsafe core.pointee.context else { return nil }
        return unsafe Unmanaged<_ProcessClass>.fromOpaque(context).takeUnretainedValue()
    }
}

/// Whether two types are one.
@inlinable
func _isSame<A: ~Copyable, B: ~Copyable>(_: A.Type, _: B.Type) -> Bool {
    unsafe unsafeBitCast(A.self, to: UInt.self) == unsafeBitCast(B.self, to: UInt.self)
}
