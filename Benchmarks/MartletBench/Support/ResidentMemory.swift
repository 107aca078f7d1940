// SPDX-License-Identifier: Apache-2.0
// How much memory the process has, from /proc/self/status.
//
// VmHWM and not getrusage: exec carries ru_maxrss of the parent over to the child, so a small child of a large parent
// would report the parent's peak. VmHWM belongs to the address space.

import Foundation
import MartletBenchCore

enum ResidentMemory {
    /// Bytes now.
    static var current: UInt64 { read("VmRSS") }

    /// The most there was since the process began, or since `resetPeak`.
    static var peak: UInt64 { read("VmHWM") }

    /// Starts a new peak at what there is now, memory that the allocator keeps included.
    ///
    /// Does nothing where the kernel refuses.
    static func resetPeak() {
        // 5 resets VmHWM (proc_pid_clear_refs(5)).
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }

    private static func read(_ name: String) -> UInt64 {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        return ProcFile.bytes(of: name, in: text) ?? 0
    }
}
