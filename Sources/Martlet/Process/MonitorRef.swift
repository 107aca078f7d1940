// SPDX-License-Identifier: Apache-2.0
// One watch on one process.

/// Names a monitor; carried by its `Info.down`.
///
/// 8 bytes, no reference counting.
public struct MonitorRef: Hashable, Sendable, BitwiseCopyable {
    let raw: UInt64

    init(raw: UInt64) { self.raw = raw }
}
