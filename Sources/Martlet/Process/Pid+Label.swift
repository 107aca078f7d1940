// SPDX-License-Identifier: Apache-2.0
// A label for humans. Not a name: nothing is found by it, and it need not be unique.

extension Pid {
    /// Labels the current process, for reports and tools (`Process.set_label`).
    ///
    /// In place of an earlier label. Cut to 128 bytes; an empty text takes the label away. Traps outside a process, naming
    /// the caller's file and line in a debug build.
    ///
    /// - Parameters:
    ///   - label: what the process is, e.g. `"import of 2024-05"`; no secrets, it is logged.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public static func setLabel(_ label: String, file: StaticString = #fileID, line: UInt = #line) {
        guard let pid = current else {
            preconditionFailure("expected to be called in a process, got no process", file: file, line: line)
        }
        // Without memory, and in a process that was killed, there is no label: nothing depends on one.
        _ = _Labels.set(label, of: pid.raw)
    }
}
