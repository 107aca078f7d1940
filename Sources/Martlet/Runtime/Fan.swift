// SPDX-License-Identifier: Apache-2.0
// Who listens to the reports of one runtime. Most of the time nobody does, and asking is one load.

internal import Synchronization

final class _Fan<Report>: Sendable {
    private struct Sinks {
        var all: [UInt64: @Sendable (Report) -> Void] = [:]
        var lastID: UInt64 = 0
    }
    private let sinks = _Locked(Sinks())
    private let hasSinks = Atomic(false)

    /// Whether anybody listens.
    var isHeard: Bool { hasSinks.load(ordering: .acquiring) }

    /// Tells all.
    func tell(_ report: Report) {
        let all = sinks.withLock { Array($0.all.values) }
        for sink in all { sink(report) }
    }

    /// Calls `sink` with each report until it is removed by the returned number.
    func add(_ sink: @escaping @Sendable (Report) -> Void) -> UInt64 {
        sinks.withLock { sinks in
            sinks.lastID += 1
            sinks.all[sinks.lastID] = sink
            hasSinks.store(true, ordering: .releasing)
            return sinks.lastID
        }
    }

    func remove(_ id: UInt64) {
        sinks.withLock { sinks in
            sinks.all[id] = nil
            hasSinks.store(!sinks.all.isEmpty, ordering: .releasing)
        }
    }
}

/// A message that was not delivered, in the core's numbers.
struct _DeadNote {
    let pid: UInt64
    /// The process that sent it, 0 where that is not known.
    let from: UInt64
    let type: String
    let cause: UInt32
}
