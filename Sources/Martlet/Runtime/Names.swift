// SPDX-License-Identifier: Apache-2.0
// Interned names and who holds them.

public import CMartlet

/// Names by the address of their interned entry.
@usableFromInline
enum _Names {
    /// The entry of a text; 0 when names or memory are used up, or it is longer than 4,096 bytes.
    static func intern(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { bytes in
            let pointer = unsafe UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
            return unsafe UInt64(UInt(bitPattern: mt_name_intern(pointer, bytes.count)))
        }
    }

    /// The text of an entry.
    static func text(_ name: UInt64) -> String {
        guard let entry = unsafe UnsafePointer<mt_name_t>(bitPattern: UInt(name)) else { return "" }
        var length = 0
        let text = unsafe mt_name_text(entry, &length)
        return unsafe String(
            decoding: UnsafeRawBufferPointer(start: text, count: length).bindMemory(to: UInt8.self), as: UTF8.self)
    }

    /// The pid registered in the current runtime, 0 for none; it may have died since.
    @inlinable
    static func lookup(_ name: UInt64) -> UInt64 {
        guard let entry = unsafe UnsafePointer<mt_name_t>(bitPattern: UInt(name)) else { return 0 }
        return unsafe mt_names_lookup(mt_runtime_names(Runtime.currentCore.pointer), entry)
    }
}
