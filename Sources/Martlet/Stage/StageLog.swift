// SPDX-License-Identifier: Apache-2.0
// What stages log: that events were dropped. Never an event.

internal import Logging

enum StageLog {
    private static let logger = Logger(label: "martlet")

    /// Says so at the first, and each time that the number has doubled.
    ///
    /// - Parameter total: events dropped, the last `count` just now.
    static func dropped(_ count: Int, of total: Int, _ type: String, _ pid: Pid) {
        guard total.leadingZeroBitCount < (total - count).leadingZeroBitCount else { return }
        logger.warning(
            "stage has dropped events, its buffer is full",
            metadata: ["stage": "\(type)", "pid": "\(pid)", "dropped": "\(total)"])
    }
}
