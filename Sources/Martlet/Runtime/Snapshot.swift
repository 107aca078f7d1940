// SPDX-License-Identifier: Apache-2.0
// What the core knows of a process, in Swift's types.

internal import CMartlet

struct _Snapshot {
    let type: String
    let name: String?
    let isHibernating: Bool
    let isQueued: Bool
    /// nil for a mailbox without a bound.
    let length: Int?
    let parent: UInt64

    /// nil: the process has ended.
    init?(of pid: UInt64) {
        var raw = unsafe mt_snapshot_t()
        guard unsafe mt_pid_snapshot(pid, &raw) else { return nil }
        type = unsafe raw.klass.map { unsafe String(cString: $0.pointee.name) } ?? ""
        name = unsafe raw.name.map { _Names.text(UInt64(UInt(bitPattern: $0))) }
        isQueued = unsafe raw.is_queued
        isHibernating = unsafe !raw.is_queued && raw.activity == 2
        length = unsafe raw.is_bounded ? Int(raw.length) : nil
        parent = unsafe raw.parent
    }
}
