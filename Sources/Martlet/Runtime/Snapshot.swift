// SPDX-License-Identifier: Apache-2.0
// What the core knows of a process, in Swift's types.

internal import CMartlet

struct _Snapshot {
    let type: String
    let name: String?
    let label: String?
    let isHibernating: Bool
    let isSuspended: Bool
    let isQueued: Bool
    /// What user code is busy with, as its type's name; nil: it does not run.
    let doing: String?
    /// Nanoseconds since the turn of the handler that runs began; 0: not known.
    let runningNanoseconds: UInt64
    /// The process it waits for in a call, 0: none.
    let calling: UInt64
    /// The process whose call it handles, 0: none.
    let client: UInt64
    let length: Int
    /// Milliseconds the oldest message waits; nil: not known.
    let age: Int?
    let handled: UInt64
    let bytes: Int
    let parent: UInt64

    /// nil: the process has ended.
    init?(of pid: UInt64) {
        guard let raw = unsafe Self.raw(pid) else { return nil }
        type = unsafe raw.klass.map { unsafe String(cString: $0.pointee.name) } ?? ""
        name = unsafe raw.name.map { _Names.text(UInt64(UInt(bitPattern: $0))) }
        label = _Labels.of(pid)
        isQueued = unsafe raw.is_queued
        isHibernating = unsafe raw.is_hibernating
        isSuspended = unsafe raw.is_suspended
        doing = unsafe raw.is_running ? String(cString: mt_class_doing(raw.klass, raw.doing)) : nil
        runningNanoseconds = unsafe raw.running_ns
        calling = unsafe raw.calling
        client = unsafe raw.client
        length = unsafe Int(raw.length)
        age = unsafe raw.has_age ? Int(raw.age_ms) : nil
        handled = unsafe raw.handled
        bytes = unsafe withUnsafePointer(to: raw) { unsafe Int(mt_snapshot_bytes($0)) }
        parent = unsafe raw.parent
    }

    /// The numbers alone, for a look at very many.
    static func gauges(of pid: UInt64) -> (length: Int, handled: UInt64, bytes: Int)? {
        guard let raw = unsafe raw(pid) else { return nil }
        let bytes = unsafe withUnsafePointer(to: raw) { unsafe Int(mt_snapshot_bytes($0)) }
        return unsafe (Int(raw.length), raw.handled, bytes)
    }

    /// The process that started one; nil: none did, or that is not known any more.
    static func parent(of pid: UInt64) -> UInt64? {
        guard let parent = unsafe raw(pid)?.parent, parent != 0 else { return nil }
        return parent
    }

    /// Who started a process, nearest first, as far as the chain lives.
    static func ancestors(of pid: UInt64, first parent: UInt64) -> [UInt64] {
        var found: [UInt64] = []
        var next = parent
        while next != 0, found.count < ancestorsMax {
            found.append(next)
            next = unsafe raw(next)?.parent ?? 0
        }
        return found
    }

    /// Deeper trees than this are not seen in programs, and a report is not longer.
    private static let ancestorsMax = 32

    /// Whom a process waits for in a call, 0: nobody.
    static func calling(of pid: UInt64) -> UInt64 { mt_pid_calling(pid) }

    @unsafe
    private static func raw(_ pid: UInt64) -> mt_snapshot_t? {
        var raw = unsafe mt_snapshot_t()
        return unsafe mt_pid_snapshot(pid, &raw) ? unsafe raw : nil
    }
}
