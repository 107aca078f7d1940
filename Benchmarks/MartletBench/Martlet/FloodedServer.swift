// SPDX-License-Identifier: Apache-2.0
// `backpressure` on the pool: the same server with four mailboxes. Waiting is the sender's choice, `castWaiting`.

import Martlet
import MartletBenchCore

/// Works for 1 us on each message, leaves its count behind at its end.
struct FloodedServer: GenServer {
    enum Cast { case work }

    private var count = 0
    private let handled: Box<Int>

    init(_ handled: Box<Int>) {
        self.handled = handled
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        BackpressureWorkload.work()
        count += 1
        return .wait
    }

    mutating func terminate(_ reason: ExitReason) {
        handled.value = count
    }

    /// A server in a mailbox with that policy.
    static func start(_ policy: Workload.Overload, _ run: Run) async throws -> Flood {
        let handled = Box(0)
        let before = Runtime.shared.statistics
        let options = StartOptions(mailbox: mailbox(policy))
        return Flood(
            server: try await start(handled, options: options), handled: handled, waits: policy == .wait,
            operations: run.operations, before: before)
    }

    private static func mailbox(_ policy: Workload.Overload) -> MailboxPolicy {
        switch policy {
        case .unbounded: .unbounded(highWater: .max)
        case .wait, .reject: .bounded(BackpressureWorkload.capacity, whenFull: .reject)
        case .dropOldest: .bounded(BackpressureWorkload.capacity, whenFull: .dropOldest)
        }
    }
}

/// The flooded server, from its senders' side.
struct Flood: PressureTarget {
    let server: ServerRef<FloodedServer>
    let handled: Box<Int>
    let waits: Bool
    let operations: Int
    /// The runtime's counters before the first message.
    let before: RuntimeStatistics

    func offer() throws -> Delivery {
        if waits {
            try server.castWaiting(.work, timeout: nil)
            return .accepted
        }
        switch server.cast(.work) {
        case .queued: return .accepted
        case .displacedOldest: return .displacedAnother
        case .full: return .refused
        case .noProcess: throw WrongResult("a cast found no server")
        }
    }

    /// A stop is queued behind all casts and never refused, so that it works with every mailbox.
    func finish() async throws -> Int {
        try await server.stop()
        try checkConservation()
        return handled.value
    }

    /// The runtime's own counters agree: nothing is lost without being counted.
    private func checkConservation() throws {
        let after = Runtime.shared.statistics
        let undelivered = after.refused - before.refused + after.discarded - before.discarded
        try WrongResult.unless(after.sent - before.sent, is: UInt64(operations), "messages sent, by the runtime")
        try WrongResult.unless(after.handled - before.handled, is: UInt64(handled.value), "handled, by the runtime")
        try WrongResult.unless(undelivered, is: UInt64(operations - handled.value), "undelivered, by the runtime")
    }
}
