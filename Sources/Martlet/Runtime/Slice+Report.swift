// SPDX-License-Identifier: Apache-2.0
// What a report says of the slice that crashed: what it was handling, and in which runtime.

internal import CMartlet

extension _Slice {
    /// The runtime's Swift side.
    var context: _RuntimeContext? {
        guard let core = unsafe mt_runtime_of(pointer.pointee.slot), let context = unsafe mt_runtime_context(core)
        else {
            return nil
        }
        return unsafe _RuntimeContext.borrow(context)
    }

    /// The name of the process's type.
    var typeName: String {
        guard let processClass = _ProcessClass.of(pid: pid) else { return "" }
        return processClass.name
    }

    /// Type and case of the message that user code is busy with, as `Counter.Call.increment`; nil: it is no message, or
    /// what it was is not known.
    ///
    /// Never a value: the case is told from the bytes that the message left in its node when it was moved out. Owner, before
    /// the next message.
    var messageName: String? {
        var raw = unsafe mt_snapshot_t()
        guard unsafe mt_pid_snapshot(pid, &raw), unsafe raw.is_running, unsafe raw.doing != MT_DOING_UNKNOWN else {
            return nil
        }
        let type = unsafe String(cString: mt_class_doing(raw.klass, raw.doing))
        guard unsafe raw.doing == kind.raw, let name = unsafe caseName else { return type }
        return "\(type).\(name)"
    }

    @unsafe
    private var caseName: String? {
        guard kind == .call || kind == .cast || kind == .message, let node = unsafe pointer.pointee.node,
            let type = unsafe mt_payload_type(node.pointee.ops), let payload = unsafe pointer.pointee.payload,
            let name = unsafe mt_enum_case_name(payload, type)
        else { return nil }
        return unsafe String(cString: name)
    }

    /// Whether one more crash report may be logged, and how many were not since the last one.
    func admitCrashReport() -> (isLogged: Bool, suppressed: UInt64) {
        var suppressed: UInt64 = 0
        let isLogged = unsafe mt_crash_admit(mt_runtime_of(pointer.pointee.slot), &suppressed)
        return (isLogged, suppressed)
    }

    /// The process whose request user code is busy with, 0: none.
    var client: UInt64 { _Snapshot(of: pid)?.client ?? 0 }
}
