// SPDX-License-Identifier: Apache-2.0
// One timeout over several waits.

/// How much of a timeout is left, on the current runtime's clock.
struct TaskLimit {
    private let runtime = Runtime.current
    private let end: Duration?

    init(_ timeout: Duration?) { end = timeout.map { [runtime] in runtime.uptime + $0 } }

    /// Nil: for ever.
    var left: Duration? { end.map { max(.zero, $0 - runtime.uptime) } }
}
