// SPDX-License-Identifier: Apache-2.0
// Labels of processes: kept by the core, for humans.

internal import CMartlet

@usableFromInline
enum _Labels {
    /// Gives a live process a label in place of an earlier one.
    ///
    /// False: out of memory, or it has ended.
    @usableFromInline
    static func set(_ text: String, of pid: UInt64) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            let pointer = unsafe UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
            return unsafe mt_label_set(pid, pointer, bytes.count)
        }
    }

    /// The label of a live process; nil: none.
    static func of(_ pid: UInt64) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MT_LABEL_MAX)) { buffer in
            let length = unsafe mt_label_copy(pid, buffer.baseAddress)
            if length == 0 { return nil }
            return unsafe String(
                decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
                as: UTF8.self)
        }
    }
}
